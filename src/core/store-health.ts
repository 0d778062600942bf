/** Contract: what a store says of itself, and of its failures. */
import type { Handle } from './id.ts'
import type { Store } from './store.ts'

/** What a failed call means. */
export type Fault =
  /** The connection broke: whether the call took effect is unknown. */
  | 'lost'
  /** The store cannot be asked now; the call did nothing. */
  | 'down'
  /** The store works, and will take this call in a moment; it did nothing. */
  | 'passing'
  /** The store works, and this call is wrong for it. */
  | 'refused'

/** Something about a set-up that costs sessions one day. */
export interface Finding {
  /** Stable, such as `'evicts'`: see docs/when-redis-fails.md. */
  readonly code: string
  /** `error`: sessions get lost, or anybody can read them. `warning`: an outage hurts more than it must. */
  readonly severity: 'error' | 'warning'
  /** What it leads to and what to do. */
  readonly message: string
}

/** Optional: without it a store is probed by a read, and no failure but a missing answer opens the breaker. */
export interface StoreHealth {
  /** Resolves when the store answers. */
  ping(): Promise<unknown>
  /** Looks at the set-up; rejects where the store cannot be asked. */
  examine(): Promise<readonly Finding[]>
  faultOf(error: unknown): Fault
}

/** Names no session: the slot tag and the hash of nothing. */
const NOBODY = 'A'.repeat(25) as Handle
/** After so long without an answer a question is taken for lost, milliseconds. */
const LOST = 2000

/**
 * One question at a time: one that a stopped server has not answered yet is waited for again, so that
 * an outage leaves no queue of them behind.
 */
export function pingOf(store: Store, limit: number): () => Promise<void> {
  let asked: Promise<unknown> | undefined
  let askedAt = 0
  return () => {
    if (!asked || performance.now() - askedAt > LOST) {
      askedAt = performance.now()
      const asking = ask(store)
      const settled = (): void => {
        if (asked === asking) asked = undefined
      }
      asking.then(settled, settled)
      asked = asking
    }
    return within(limit, asked)
  }
}

/** Async, so that what a store throws at once is a failure like any other. */
async function ask(store: Store): Promise<unknown> {
  return store.health ? store.health.ping() : store.load(NOBODY)
}

/** Rejects after so many milliseconds; nothing keeps the process alive for that. */
export async function within(limit: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('No answer in time.')), limit).unref()
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export function faultOf({ health }: Store, error: unknown): Fault {
  return health?.faultOf(error) ?? 'refused'
}
