/**
 * The records of redis-sessions in Redis, each step on one key: the keys of one app lie in different
 * slots of a Cluster, and their names are fixed.
 *
 * A session is entered into the indexes before its record is written, and leaves them after the record
 * was removed. So an index may name one too many, which readers pass over and remove, and it never
 * lacks a live one.
 */
import type { Script } from '../../redis/script.ts'
import * as scripts from '../../redis/scripts.generated.ts'
import type { Commands } from './connection.ts'
import { Indexes } from './indexes.ts'
import type { Holder, Keys } from './keys.ts'
import { GRACE, lifetimeOf, seconds } from './lifetime.ts'
import {
  dataIn,
  FIELDS,
  madeAt,
  merged,
  newRecord,
  newToken,
  sessionOf,
  textOfData,
} from './record.ts'
import type { Fields, NewSession, Session } from './record.ts'
import type { DataChange } from './validate.ts'

const BATCH = 500
/** How many sessions that are over a creation removes, so that they go where no timer runs, too. */
const SWEEP = 10
/** How long the creation of a session may be under way, ms. */
const CREATION = 60_000

export class Records {
  readonly #commands: Commands
  readonly #keys: Keys
  readonly #indexes: Indexes
  /** Told of each record that is removed. */
  readonly #removed: (app: string, token: string) => Promise<void>

  constructor(
    commands: Commands,
    keys: Keys,
    removed: (app: string, token: string) => Promise<void>,
  ) {
    this.#commands = commands
    this.#keys = keys
    this.#indexes = new Indexes(commands, keys)
    this.#removed = removed
  }

  /** Stores a new session and returns its token. */
  async create(app: string, session: NewSession): Promise<string> {
    const token = newToken(Date.now())
    await this.#indexes.enter({ app, token, id: session.id }, session.ttl)
    const fields = newRecord(session, seconds())
    await this.#run(scripts.rsCreate, app, token, [lifetimeOf(session.ttl), ...fields])
    this.wipe(SWEEP).catch(() => undefined)
    return token
  }

  /** Reads a live session without a trace. */
  async peek(app: string, token: string): Promise<Session | undefined> {
    return sessionOf(await this.#fields(app, token), seconds())
  }

  /** Reads a live session, counts that, and moves its end. */
  async read(app: string, token: string): Promise<Session | undefined> {
    const now = seconds()
    const fields = (await this.#run(scripts.rsUse, app, token, [now, GRACE, 'r'])) as Fields | null
    const session = fields ? sessionOf(fields, now) : undefined
    if (session) await this.#slide(app, token, session)
    return session
  }

  /** Changes the data of a live session; none of several changes at once is lost. */
  async change(app: string, token: string, change: DataChange): Promise<Session | undefined> {
    let fields: Fields | null = await this.#fields(app, token)
    for (;;) {
      const now = seconds()
      const data = merged(sessionOf(fields, now)?.d, change)
      const before = dataIn(fields)
      const args = [now, GRACE, 'w', before, textOfData(data)]
      fields = (await this.#run(scripts.rsUse, app, token, args)) as Fields | null
      const session = fields ? sessionOf(fields, now) : undefined
      if (!fields || !session) return undefined
      // Changed meanwhile, and nothing written: once more, on what is there now.
      if (dataIn(fields) !== before) continue
      await this.#slide(app, token, session)
      const { d: _, ...rest } = session
      return { ...rest, w: rest.w + 1, ...(Object.keys(data).length > 0 ? { d: data } : {}) }
    }
  }

  /** True where there was a live session. */
  async end(app: string, token: string): Promise<boolean> {
    const [outcome, id] = await this.#end(app, token, 'any')
    if (id === undefined) return false
    const done = [this.#removed(app, token), this.#indexes.leave([{ app, token, id }])]
    // The entries go although the caches may not be told.
    const outcomes = await Promise.allSettled(done)
    throwFirst(outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])))
    return outcome === 'ended'
  }

  /** Returns how many live sessions there were. */
  async endAllOf(app: string, id: string): Promise<number> {
    let ended = 0
    const failures: unknown[] = []
    for (const batch of batches(await this.#indexes.ofUser(app, id))) {
      ended += (await this.#endAll(batch, 'any', failures)).ended
    }
    throwFirst(failures)
    return ended
  }

  /** Returns how many live sessions there were. */
  async endAllIn(app: string): Promise<number> {
    let ended = 0
    const failures: unknown[] = []
    for (let start = 0; ;) {
      const holders = await this.#indexes.ofApp(app, start, BATCH)
      if (holders.length === 0) break
      const batch = await this.#endAll(holders, 'any', failures)
      ended += batch.ended
      // Those that are just being created stay, and those that failed; they are not looked at again.
      start += holders.length - batch.gone
    }
    throwFirst(failures)
    return ended
  }

  /** Those used within the last seconds, the last one first. */
  async usedIn(app: string, delta: number): Promise<Session[]> {
    return this.#live(await this.#indexes.usedIn(app, delta))
  }

  async of(app: string, id: string): Promise<Session[]> {
    return this.#live(await this.#indexes.ofUser(app, id))
  }

  /** How many users have used a session within the last seconds. */
  usersIn(app: string, delta: number): Promise<number> {
    return this.#indexes.usersIn(app, delta)
  }

  /** Removes sessions that are over: all, or the first few. */
  async wipe(most: number = Infinity): Promise<void> {
    const size = Math.min(most, BATCH)
    const failures: unknown[] = []
    for (let isMore = true; isMore;) {
      const holders = await this.#indexes.over(size)
      const { gone } = await this.#endAll(holders, 'expired', failures)
      isMore = most > BATCH && gone > 0
    }
    throwFirst(failures)
  }

  /** After a use: its entries move, unless it was ended meanwhile. Within a second there is nothing to move. */
  async #slide(app: string, token: string, { id, ttl, idle }: Session): Promise<void> {
    if (idle <= 1) return
    const holder = { app, token, id }
    await this.#indexes.enter(holder, ttl)
    const key = this.#keys.record(app, token)
    const isThere = Number(await this.#commands.send(key, 'EXISTS', key)) === 1
    // Whoever ends it from now on finds the entries.
    if (!isThere) await this.#indexes.leave([holder])
  }

  /** What fails with one is added to `failures`, and is no reason to leave the others. */
  async #endAll(
    holders: readonly Holder[],
    which: 'any' | 'expired',
    failures: unknown[],
  ): Promise<{ ended: number; gone: number }> {
    const gone: Holder[] = []
    let ended = 0
    const end = async (holder: Holder): Promise<void> => {
      const { app, token } = holder
      // Somebody else's key under the name of a record stays as it is; there is no session.
      const [outcome, , until] = await this.#end(app, token, which).catch(foreign)
      if (outcome === 'live') return this.#indexes.postpone(holder, Number(until))
      // Entered already, but not written yet.
      if (outcome === 'absent' && madeAt(token) > Date.now() - CREATION) return
      gone.push(holder)
      if (outcome === 'ended') ended++
      if (outcome === 'ended' || outcome === 'expired') await this.#removed(app, token)
    }
    const settle = async (holder: Holder): Promise<void> => {
      try {
        await end(holder)
      } catch (error) {
        failures.push(error)
      }
    }
    await Promise.all(holders.map(settle))
    await this.#indexes.leave(gone)
    return { ended, gone: gone.length }
  }

  /**
   * The sessions of entries, in their order, without those that cannot be read; entries of sessions that
   * are over are removed.
   */
  async #live(holders: readonly Holder[]): Promise<Session[]> {
    const live: Session[] = []
    const failures: unknown[] = []
    for (const batch of batches(holders)) {
      const sessions = await Promise.all(batch.map((holder) => this.#readable(holder)))
      live.push(...sessions.filter((session) => session !== undefined))
      const over = batch.filter((_, nth) => !sessions[nth])
      await this.#endAll(over, 'expired', failures)
    }
    throwFirst(failures)
    return live
  }

  async #readable({ app, token }: Holder): Promise<Session | undefined> {
    let fields: Fields
    try {
      fields = await this.#fields(app, token)
    } catch (error) {
      if (isOfWrongType(error)) return undefined
      throw error
    }
    try {
      return sessionOf(fields, seconds())
    } catch {
      return undefined
    }
  }

  async #fields(app: string, token: string): Promise<Fields> {
    const key = this.#keys.record(app, token)
    return (await this.#commands.send(key, 'HMGET', key, ...FIELDS)) as Fields
  }

  async #end(app: string, token: string, which: 'any' | 'expired'): Promise<readonly string[]> {
    return (await this.#run(scripts.rsEnd, app, token, [seconds(), which])) as readonly string[]
  }

  #run(
    script: Script,
    app: string,
    token: string,
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#commands.run(script, this.#keys.record(app, token), args)
  }
}

/** Redis puts the word first, and before version 7 into the middle where a script has failed. */
function isOfWrongType(error: unknown): boolean {
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error && /\bWRONGTYPE\b/.test(cause.message)
}

function foreign(error: unknown): readonly string[] {
  if (isOfWrongType(error)) return ['foreign']
  throw error
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0]
}

function batches<Item>(items: readonly Item[]): Item[][] {
  const starts = Array.from({ length: Math.ceil(items.length / BATCH) }, (_, nth) => nth * BATCH)
  return starts.map((start) => items.slice(start, start + BATCH))
}
