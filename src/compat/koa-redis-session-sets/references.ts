/**
 * Which sessions have this value in this field? A set of session ids per value, in another slot than
 * the sessions: an entry is written before the session and removed after it, so a set may name a session
 * too many for a while. One too few it names only for the instant that two requests need to agree on the
 * value of a field which both change.
 */
import * as scripts from '../../redis/scripts.generated.ts'
import type { Commands } from './commands.ts'

/** Where things lie; asked each time, since an application may name its keys otherwise. */
export interface Places {
  readonly maxAge: number
  getSessionKey(sessionId: string): string
  getReferenceKey(field: string, value: string): string
}

export type Reference = readonly [field: string, value: string]

/** How many members are looked at when a set grows by one: that keeps the needless ones at about a fifth. */
const SAMPLE = 5

/** The session gets its lifetime later than the set, by as long as Redis takes to answer. */
const SLACK = 60_000

export class References {
  readonly #redis: Commands
  readonly #places: Places

  constructor(redis: Commands, places: Places) {
    this.#redis = redis
    this.#places = places
  }

  /** Before the write. Resolves to those that were not noted before. */
  async note(
    sessionId: string,
    references: readonly Reference[],
    lifetime: number,
  ): Promise<readonly Reference[]> {
    const added = await Promise.all(
      references.map((reference) => this.#add(sessionId, reference, lifetime)),
    )
    return references.filter((_, at) => added[at])
  }

  /** After the write: the session has these values. */
  async confirm(
    sessionId: string,
    references: readonly Reference[],
    lifetime: number,
  ): Promise<void> {
    await Promise.all(
      references.map((reference) => this.#settle(sessionId, reference, true, lifetime)),
    )
  }

  /** After the write: the session does not have these values. Resolves to those that were noted. */
  async forget(sessionId: string, references: readonly Reference[]): Promise<readonly Reference[]> {
    const removed = await Promise.all(
      references.map((reference) => this.#settle(sessionId, reference, false, 0)),
    )
    return references.filter((_, at) => removed[at])
  }

  /**
   * Looks at some members and removes those that have expired, or have another value. A failure is
   * nobody's error: the write is done, and the next one prunes too.
   */
  async prune(references: readonly Reference[], lifetime: number): Promise<void> {
    const prunings = references.map(async (reference) => {
      const key = this.#keyOf(reference)
      const sample = await this.#redis.send('SRANDMEMBER', key, String(SAMPLE))
      await Promise.all((sample as string[]).map((id) => this.#pruneOne(id, reference, lifetime)))
    })
    await Promise.allSettled(prunings)
  }

  async #pruneOne(sessionId: string, reference: Reference, lifetime: number): Promise<void> {
    const { holds, left } = await this.#look(sessionId, reference)
    if (!holds) await this.#settle(sessionId, reference, false, 0)
    else if (left > lifetime) await this.#add(sessionId, reference, left)
  }

  /**
   * Brings the set in line with the session, and looks whether that was right: another request may have
   * changed the session meanwhile. Whoever changes a set or a session last has looked after it, so both
   * agree in the end. Tells whether the set was changed at first.
   */
  async #settle(
    sessionId: string,
    reference: Reference,
    holds: boolean,
    lifetime: number,
  ): Promise<boolean> {
    const changed = holds
      ? await this.#add(sessionId, reference, lifetime)
      : (await this.#redis.send('SREM', this.#keyOf(reference), sessionId)) === 1
    if (!changed) return false
    const now = await this.#look(sessionId, reference)
    if (now.holds !== holds) await this.#settle(sessionId, reference, now.holds, now.left)
    return true
  }

  async #add(sessionId: string, reference: Reference, lifetime: number): Promise<boolean> {
    // Not under maxAge: in a set of the original there may be sessions that live so long.
    const ttl = String(Math.max(lifetime, this.#places.maxAge) + SLACK)
    return (await this.#redis.run(scripts.setsNote, this.#keyOf(reference), [sessionId, ttl])) === 1
  }

  /** Whether the session has this value, and how many milliseconds are left to it. */
  async #look(
    sessionId: string,
    [field, value]: Reference,
  ): Promise<{ holds: boolean; left: number }> {
    const key = this.#places.getSessionKey(sessionId)
    const [now, left] = await Promise.all([
      this.#redis.send('HGET', key, field),
      this.#redis.send('PTTL', key),
    ])
    return { holds: now === value, left: left as number }
  }

  #keyOf([field, value]: Reference): string {
    return this.#places.getReferenceKey(field, value)
  }
}
