/** The sessions that a reference names: find, count, revoke. */
import { ask, askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import type { Handle } from './id.ts'
import { look } from './load.ts'
import { checkedPage } from './page.ts'
import type { PageOptions } from './page.ts'
import { checkedReference, storedReferencesOf } from './references.ts'
import type { ReferenceKey } from './references.ts'
import type { Note } from './store.ts'
import { describeSession } from './users.ts'
import { checkedRevoker, confirmed, endlessError, MOST_BATCHES, revokeOne } from './revoke.ts'
import type { Revocation, Revoker } from './revoke.ts'
import type { SessionInfo, SessionPage } from './users.ts'

/**
 * An entry that names no session of the reference is removed only when it is older than this: a
 * younger one may be the first half of a write that is under way, on a server whose clock is off.
 */
const YOUNG = 300_000
const PAGE = 100
/** While sessions begin all the time there is always one more; those that began after the call are not meant. */
const MOST_PASSES = 5

/** What a stretch of the notes was found to hold. */
interface Stretch {
  readonly live: readonly SessionInfo[]
  /** How many of its notes are there still: so far behind it the next stretch begins. */
  readonly left: number
  readonly isLast: boolean
  /** When the last one of them was noted. */
  readonly upTo: number
}

export class ReferringSessions {
  readonly #engine: Engine
  readonly #key: ReferenceKey

  constructor(engine: Engine, name: string, value: unknown) {
    this.#engine = engine
    this.#key = checkedReference(engine, name, value)
  }

  /** A page of the live sessions whose reference has this value now, in two round trips. A page may be short. */
  async list(options: PageOptions = {}): Promise<SessionPage> {
    const { limit, offset } = checkedPage(options)
    const { isLast, left, live } = await this.#verified('latest', offset, limit)
    return { sessions: live, next: isLast ? undefined : offset + left }
  }

  /** How many there are; reads each, a hundred per two round trips. */
  async count(): Promise<number> {
    let count = 0
    for (let offset = 0; ;) {
      const { isLast, left, live } = await this.#verified('latest', offset, PAGE)
      count += live.length
      offset += left
      if (isLast) return count
    }
  }

  /** Ends all of them, as an OpenID Connect back-channel logout asks for. */
  async revokeAll(by: Revoker = 'admin'): Promise<Revocation> {
    const revoker = checkedRevoker(by)
    const ended: Handle[] = []
    let batches = 0
    // Again until there is nothing to end, because notes move while others write. Each time from the
    // earliest to what was the latest when it began: however many follow, it gets there.
    for (let passes = 0, before = -1; ended.length > before && passes < MOST_PASSES; passes++) {
      before = ended.length
      const [latest] = await this.#notes('latest', 0, 1)
      const until = latest?.notedAt ?? 0
      for (let offset = 0, isEnd = false; !isEnd; batches++) {
        if (batches > MOST_BATCHES) throw endlessError(ended.length)
        const { isLast, left, live, upTo } = await this.#verified('earliest', offset, PAGE)
        const ending = live.map(({ handle }) => revokeOne(this.#engine, handle, revoker))
        const handles = (await Promise.all(ending)).flat()
        await this.#forgetEnded(handles)
        ended.push(...handles)
        offset += left - handles.length
        isEnd = isLast || upTo > until
      }
    }
    return confirmed(this.#engine, ended)
  }

  async #forgetEnded(handles: readonly Handle[]): Promise<void> {
    const { store } = this.#engine
    const forget = (handle: Handle): Promise<void> => store.references.forget(this.#key, handle)
    await askAgain(this.#engine, 'forget', () => Promise.all(handles.map(forget)))
  }

  #notes(first: 'latest' | 'earliest', offset: number, count: number): Promise<readonly Note[]> {
    const { references } = this.#engine.store
    return askAgain(this.#engine, 'referring', () =>
      references.page(this.#key, first, offset, count),
    )
  }

  async #verified(first: 'latest' | 'earliest', offset: number, count: number): Promise<Stretch> {
    const { store, clock } = this.#engine
    const entries = await this.#notes(first, offset, count)
    const found = await Promise.all(entries.map(({ handle }) => look(this.#engine, handle)))
    const live: SessionInfo[] = []
    const forgetting: Promise<number>[] = []
    for (const [at, { handle, notedAt }] of entries.entries()) {
      const loaded = found[at]?.loaded
      if (loaded && storedReferencesOf(this.#engine, loaded.body).includes(this.#key)) {
        live.push(describeSession(handle, loaded.meta, undefined))
      } else if (clock.now() - notedAt > YOUNG) {
        const forget = (): Promise<void> => store.references.forget(this.#key, handle, notedAt)
        forgetting.push(
          ask(this.#engine, 'forget', forget).then(
            () => 1,
            () => 0,
          ),
        )
      }
    }
    const removed = (await Promise.all(forgetting)).reduce((sum, one) => sum + one, 0)
    return {
      isLast: entries.length < count,
      left: entries.length - removed,
      live,
      upTo: entries.at(-1)?.notedAt ?? 0,
    }
  }
}
