/** How the store is, and what is unsafe about its set-up: for the start of a process and for `/healthz`. */
import type { BreakerState } from './breaker.ts'
import type { Engine } from './engine.ts'
import { pingOf, within } from './store-health.ts'
import type { Finding } from './store-health.ts'

/** How long the examination may take, milliseconds. */
const PATIENCE = 2000

/** Can be sent as JSON. */
export interface Health {
  /** The store answers, and is asked. */
  readonly ok: boolean
  readonly store: 'up' | 'down'
  /** `open`: the store is not asked; `half-open`: right now a probe is under way. */
  readonly breaker: BreakerState
  /** How long one question to the store took; null where it was not answered. */
  readonly latencyMs: number | null
  /** What costs sessions one day; empty where there is nothing, or nobody to ask. */
  readonly findings: readonly Finding[]
}

/** Never rejects. */
export async function healthOf({ store, storeTimeout, calls }: Engine): Promise<Health> {
  const began = performance.now()
  const limit = Math.max(storeTimeout, 1000)
  const isUp = await within(limit, pingOf(store, limit)()).then(
    () => true,
    () => false,
  )
  const latencyMs = isUp ? Math.round((performance.now() - began) * 10) / 10 : null
  const findings = isUp ? await examined(store.health?.examine.bind(store.health)) : []
  const breaker = calls.breaker.state
  return {
    ok: isUp && breaker === 'closed',
    store: isUp ? 'up' : 'down',
    breaker,
    latencyMs,
    findings,
  }
}

async function examined(
  examine: (() => Promise<readonly Finding[]>) | undefined,
): Promise<readonly Finding[]> {
  if (!examine) return []
  let findings: readonly Finding[] = [UNEXAMINED]
  const looking = async (): Promise<void> => {
    findings = await examine()
  }
  await within(PATIENCE, looking()).catch(() => undefined)
  return findings
}

const UNEXAMINED: Finding = {
  code: 'unexamined',
  severity: 'warning',
  message: 'The store answers, but its set-up could not be examined; ask again later.',
}
