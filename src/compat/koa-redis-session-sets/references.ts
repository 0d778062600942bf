/**
 * Which sessions have this value in this field? A set of session ids per value, in another slot than
 * the sessions: an entry is written before the session and removed after it, so a set may name too many
 * for a while, never too few.
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

  /** Resolves to those that were not noted before. */
  async note(
    sessionId: string,
    references: readonly Reference[],
    lifetime: number,
  ): Promise<readonly Reference[]> {
    // Not under maxAge: in a set of the original there may be sessions that live so long.
    const ttl = String(Math.max(lifetime, this.#places.maxAge) + SLACK)
    const added = await Promise.all(
      references.map((reference) =>
        this.#redis.run(scripts.setsNote, this.#keyOf(reference), [sessionId, ttl]),
      ),
    )
    return references.filter((_, at) => added[at] === 1)
  }

  /** Resolves to those that were noted. */
  async forget(sessionId: string, references: readonly Reference[]): Promise<readonly Reference[]> {
    const removed = await Promise.all(
      references.map((reference) => this.#forgetOne(sessionId, reference)),
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
    if (!holds) await this.#forgetOne(sessionId, reference)
    else if (left > lifetime) await this.note(sessionId, [reference], left)
  }

  /** Another request may have given the session this value again meanwhile: then it is noted again. */
  async #forgetOne(sessionId: string, reference: Reference): Promise<boolean> {
    const removed = await this.#redis.send('SREM', this.#keyOf(reference), sessionId)
    if (removed === 0) return false
    const { holds, left } = await this.#look(sessionId, reference)
    if (holds) await this.note(sessionId, [reference], left)
    return true
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
