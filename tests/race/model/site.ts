/** A site of two browsers and two users on a real store, and what is to be seen of it from outside. */
import type { Scheduler } from 'fast-check'
import { jsonCodec } from '../../../src/core/codec.ts'
import { decodeDocument } from '../../../src/core/document.ts'
import type { Handle } from '../../../src/core/id.ts'
import { judge } from '../../../src/core/policy.ts'
import { userKeyOf } from '../../../src/core/user.ts'
import { createSessions } from '../../../src/index.ts'
import type { Session, Sessions, Store } from '../../../src/index.ts'
import type { FakeClock } from '../../support/clock.ts'
import { Visitor } from '../../support/visitor.ts'
import { heldStore } from './held-store.ts'
import type { HeldStore } from './held-store.ts'

export const USERS = ['ann', 'bob'] as const
export type User = (typeof USERS)[number]

export interface Data {
  /** Told once for each line of sessions; goes along with the data. */
  born: number
  count: number
  [field: `w${number}`]: number
}

/** What a browser's next request would find. */
export interface Seen {
  readonly fields: Readonly<Record<string, number>>
  readonly user: string | undefined
  readonly handle: Handle
  readonly expiresAt: number
}

interface Live {
  readonly handle: Handle
  readonly user: string | undefined
  readonly born: number | undefined
}

export class Site {
  readonly clock: FakeClock
  readonly sessions: Sessions<Data>
  readonly browsers: readonly Visitor<Data>[]
  /** What the last look of each browser has found. */
  readonly seen: (Seen | undefined)[] = []
  /** The lines of sessions that were ended: nothing may bring them back. */
  readonly ended = new Set<number>()
  readonly #real: Store
  readonly #held: HeldStore
  readonly #scheduler: Scheduler
  /** Handles under which nothing is live any more. */
  readonly #dead = new Set<Handle>()
  #next = 1

  constructor(real: Store, clock: FakeClock, scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.clock = clock
    this.#real = real
    this.#held = heldStore(real, () => this.#lookAtIndexes())
    this.sessions = createSessions<Data>({
      store: this.#held.store,
      storeTimeout: '60s',
      clock,
      idleTimeout: '30m',
      absoluteTimeout: '40m',
      cookie: { secure: true },
    })
    this.browsers = [new Visitor(this.sessions), new Visitor(this.sessions)]
  }

  /** A number that nothing else on this site has. */
  number(): number {
    return this.#next++
  }

  /** Runs requests at once, their store calls and replies in the order of the scheduler. */
  atOnce(requests: readonly (() => Promise<void>)[]): Promise<void> {
    return this.#held.atOnce(this.#scheduler, requests)
  }

  /** A request that changes nothing, not even when the session was last seen. */
  async look(browser: number): Promise<Seen | undefined> {
    const visitor = new Visitor(this.sessions, this.browsers[browser]?.cookie)
    const { session } = await visitor.request()
    session.discard()
    const { handle, userId, expiresAt } = session.meta
    if (handle === undefined || expiresAt === undefined) return undefined
    return { fields: { ...fieldsOf(session) }, user: userId, handle, expiresAt: +expiresAt }
  }

  /** All sessions that are live in the store, whoever still knows of them. */
  async live(): Promise<Live[]> {
    const found = await Promise.all([...this.#held.handles].map((handle) => this.#liveAt(handle)))
    return found.flat()
  }

  async #liveAt(handle: Handle): Promise<Live[]> {
    const decoded = decodeDocument((await this.#real.load(handle)) ?? '', jsonCodec)
    if (decoded.kind !== 'live' || judge(decoded.meta, this.clock.now()) !== 'live') return []
    const { born } = decoded.fields as Partial<Data>
    return [{ handle, user: decoded.meta.signIn?.userId, born }]
  }

  /** Every live session of a user is in the index of that user. */
  async #lookAtIndexes(): Promise<void> {
    const handles = [...this.#held.handles].filter((handle) => !this.#dead.has(handle))
    const before = await Promise.all(handles.map((handle) => this.#liveAt(handle)))
    const page = { now: this.clock.now(), offset: 0, count: 100 }
    const listed = await Promise.all(
      USERS.map(async (user) => {
        const { entries } = await this.#real.users.list(userKeyOf(user), page)
        return entries.map(({ handle }) => handle)
      }),
    )
    for (const [at, handle] of handles.entries()) {
      const [session] = before[at] ?? []
      if (session?.user === undefined || listed.flat().includes(handle)) continue
      // It may have ended between the two looks.
      const [still] = await this.#liveAt(handle)
      if (still) throw new Error(`a live session of ${session.user} is not in the index`)
    }
  }

  /** Of handles that were given a successor or an end nothing comes back; later looks pass them over. */
  bury(live: readonly Live[]): void {
    const alive = new Set(live.map(({ handle }) => handle))
    for (const handle of this.#held.handles) if (!alive.has(handle)) this.#dead.add(handle)
  }
}

function fieldsOf(session: Session<Data>): Record<string, number> {
  return Object.fromEntries(Object.entries(session)) as Record<string, number>
}
