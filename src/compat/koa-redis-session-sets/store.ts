/** Sessions as hashes in Redis, and for each value of a referenced field the set of its sessions. */
import { randomBytes } from 'node:crypto'
import type { RedisClient } from '../../redis/driver.ts'
import * as scripts from '../../redis/scripts.generated.ts'
import { Commands } from './commands.ts'
import { fieldsOf, textsOf } from './fields.ts'
import type { Fields, FieldValue, Texts } from './fields.ts'
import { lifetimeOf, msOf } from './max-age.ts'
import type { MaxAge } from './max-age.ts'
import { References } from './references.ts'
import type { Reference } from './references.ts'

export interface StoreOptions {
  /** ioredis or iovalkey (`Redis`, `Cluster`), or node-redis 5 and later, connected. */
  readonly client: RedisClient
  /** The fields whose values can be searched by; what stands behind each name is not used. Default none. */
  readonly references?: Readonly<Record<string, unknown>> | undefined
  /** How long a session lives after its last write or touch: milliseconds, or text such as `'28 days'`. Default, also for 0 and for text that cannot be read, 28 days. */
  readonly maxAge?: MaxAge
  /** Starts every key. Default `''`. */
  readonly prefix?: string | undefined
  /** Without `prefix`: the prefix is `koa-redis-session-sets:<namespace>`. */
  readonly namespace?: string | undefined
  /** How many random bytes a session id has. Default 18. */
  readonly byteLength?: number | undefined
}

/** What a transaction of ioredis replies: an error or null, and a result, for each command. */
export type Replies = [error: null, result: number | string][]

/** 28 days. */
const DEFAULT_MAX_AGE = 28 * 86_400_000

interface Change {
  readonly write: Texts
  readonly remove: readonly string[]
  readonly lifetime: number
  readonly mode: 'create' | 'update'
}

interface Changed {
  readonly removed: number
  /** The references that were not noted before. */
  readonly added: readonly Reference[]
  readonly forgotten: readonly Reference[]
}

/** The reply of sets-write. */
type Written = [outcome: 'written' | 'gone', removed: number, ...before: (string | null)[]]

/**
 * The store of the original, usable alone. Its methods reject with ERR_STORE and ERR_STORE_TIMEOUT where
 * Redis fails, with ERR_OPTION for a lifetime that is none.
 *
 * @example
 * const store = new Store({ client: new Redis(), references: { user_id: {} } })
 * await store.set(store.createSessionId(), { user_id: 1 }, '1 day')
 */
export class Store {
  readonly client: RedisClient
  /** Milliseconds. */
  maxAge: number
  prefix: string
  readonly references: Map<string, unknown> = new Map()
  byteLength: number
  readonly #redis: Commands
  readonly #sets: References

  /** Throws ERR_OPTION for what is no client, and for a negative `maxAge`. */
  constructor({ client, references, maxAge, prefix, namespace, byteLength }: StoreOptions) {
    this.#redis = new Commands(client)
    this.#sets = new References(this.#redis, this)
    this.client = client
    this.maxAge = lifetimeOf(msOf(maxAge) || DEFAULT_MAX_AGE)
    this.prefix = prefix || (namespace ? `koa-redis-session-sets:${namespace}` : '')
    this.byteLength = byteLength || 18
    for (const [field, options] of Object.entries(references ?? {}))
      this.references.set(field, options || {})
  }

  /** Random bytes as base64. */
  createSessionId(): string {
    return randomBytes(this.byteLength).toString('base64')
  }

  /** The key of a session's hash. */
  getSessionKey(sessionId: string): string {
    return `${this.prefix}:{${sessionId}}`
  }

  /** The key of the set that holds the ids of the sessions with this value. */
  getReferenceKey(field: string, value: FieldValue): string {
    return `${this.prefix}:${field}:{${value}}`
  }

  /** All fields, `{}` where there is no session; or the fields asked for, null for each that is not there. */
  get(sessionId: string): Promise<Fields>
  get<Field extends string>(
    sessionId: string,
    fields: readonly Field[],
  ): Promise<Record<Field, string | null>>
  get(sessionId: string, fields?: readonly string[] | null): Promise<Record<string, string | null>>
  async get(
    sessionId: string,
    fields?: readonly string[] | null,
  ): Promise<Record<string, string | null>> {
    const key = this.getSessionKey(sessionId)
    if (!Array.isArray(fields)) return fieldsOf(await this.#redis.send('HGETALL', key))
    const names: readonly string[] = fields
    if (names.length === 0) return {}
    const values = (await this.#redis.send('HMGET', key, ...names)) as (string | null)[]
    return Object.fromEntries(names.map((field, at) => [field, values[at] ?? null]))
  }

  /**
   * Writes fields, and creates the session where it is not there. Replies as the transaction of the
   * original: for HMSET, PEXPIRE, and an SADD per referenced field that has a value.
   *
   * Rejects with ERR_NOT_SERIALISABLE for a value that is no text, number or boolean.
   */
  async set(
    sessionId: string,
    values: Readonly<Record<string, FieldValue>>,
    maxAge?: MaxAge,
  ): Promise<Replies> {
    return (await this.#set(sessionId, values, maxAge, 'create')) as Replies
  }

  /**
   * As `set`, but only where the session is still there, so that a late write does not bring back a
   * session that was deleted: then null, as a transaction of ioredis that was not carried out. (Not in
   * the original.)
   */
  async update(
    sessionId: string,
    values: Readonly<Record<string, FieldValue>>,
    maxAge?: MaxAge,
  ): Promise<Replies | null> {
    return this.#set(sessionId, values, maxAge, 'update')
  }

  /**
   * Writes a field of a session unless it has one already, and starts its lifetime anew; resolves to
   * the value it has then, null where there is no such session. Not for referenced fields. (Not in the
   * original.)
   */
  async setOnce(sessionId: string, field: string, value: string): Promise<string | null> {
    if ((await this.touch(sessionId)) === 0) return null
    const args = [String(this.maxAge), 'update', 'HSETNX', '1', '1', field, field, value]
    const key = this.getSessionKey(sessionId)
    const reply = await this.#redis.run(scripts.setsWrite, key, args)
    const [outcome, , before] = reply as Written
    return outcome === 'gone' ? null : (before ?? value)
  }

  /** Removes fields. Replies as the transaction of the original: for HDEL, PEXPIRE, and an SREM per referenced field. */
  async unset(sessionId: string, fields: readonly string[], maxAge?: MaxAge): Promise<Replies> {
    const lifetime = this.#lifetime(maxAge)
    const change = { write: {}, remove: fields, lifetime, mode: 'update' } as const
    const done = await this.#change(sessionId, change)
    return [
      [null, done?.removed ?? 0],
      [null, done ? 1 : 0],
      ...this.#counted(new Set(fields), done?.forgotten ?? []),
    ]
  }

  /** Starts the lifetime anew; 1, or 0 where there is no session. */
  async touch(sessionId: string, maxAge?: MaxAge): Promise<number> {
    const lifetime = this.#lifetime(maxAge)
    const change = { write: {}, remove: [], lifetime, mode: 'update' } as const
    return (await this.#change(sessionId, change)) ? 1 : 0
  }

  /** Removes the session and its references. Replies for DEL, and an SREM per field in `references`. */
  async delete(sessionId: string): Promise<Replies> {
    const before = await this.#referencesOf(sessionId)
    const deleted = await this.#redis.send('DEL', this.getSessionKey(sessionId))
    const forgotten = await this.#sets.forget(sessionId, [...before])
    return [[null, deleted as number], ...this.#counted(this.references.keys(), forgotten)]
  }

  async #set(
    sessionId: string,
    values: Readonly<Record<string, FieldValue>>,
    maxAge: MaxAge,
    mode: Change['mode'],
  ): Promise<Replies | null> {
    // `id` first, and so the application's own where it gives one.
    const write = textsOf({ id: sessionId, ...values })
    const lifetime = this.#lifetime(maxAge)
    const done = await this.#change(sessionId, { write, remove: [], lifetime, mode })
    if (!done) return null
    const referenced = Object.keys(values).filter((field) => write[field] !== '')
    return [[null, 'OK'], [null, 1], ...this.#counted(referenced, done.added)]
  }

  /**
   * Notes the references that the session will have, writes, and then forgets the ones that it had.
   * What changed is confirmed after the write: another request that changes the field the other way
   * round, or that saw no session there yet, may have removed the note. Undefined where there is no
   * session to update.
   */
  async #change(sessionId: string, change: Change): Promise<Changed | undefined> {
    const { write, remove, lifetime, mode } = change
    const names = [...this.references.keys()]
    const earlier = await this.#referencesOf(sessionId)
    const noted = this.#after(earlier, change)
    const added = await this.#sets.note(sessionId, [...noted], lifetime)
    const pairs = Object.entries(write)
    const counts = [String(names.length), String(pairs.length)]
    const args = [String(lifetime), mode, 'HSET', ...counts, ...names, ...pairs.flat(), ...remove]
    const key = this.getSessionKey(sessionId)
    const reply = await this.#redis.run(scripts.setsWrite, key, args)
    const [outcome, removed, ...values] = reply as Written
    if (outcome === 'gone') {
      await this.#sets.forget(sessionId, difference([...earlier, ...noted], new Map()))
      return undefined
    }
    const before = referencesIn(names, values)
    const now = this.#after(before, change)
    const unsure = [...now].filter(([name, value]) =>
      [noted, before].some((references) => references.get(name) !== value),
    )
    await this.#sets.confirm(sessionId, unsure, lifetime)
    const stale = difference([...earlier, ...noted, ...before], now)
    const forgotten = await this.#sets.forget(sessionId, stale)
    await this.#sets.prune(added, lifetime)
    return { removed, added, forgotten }
  }

  async #referencesOf(sessionId: string): Promise<ReadonlyMap<string, string>> {
    const names = [...this.references.keys()]
    const values = await this.get(sessionId, names)
    return referencesIn(
      names,
      names.map((name) => values[name]),
    )
  }

  /** The references of a session after a change. */
  #after(before: ReadonlyMap<string, string>, { write, remove }: Change): Map<string, string> {
    const after = new Map(before)
    for (const field of remove) after.delete(field)
    for (const [field, value] of Object.entries(write)) {
      if (!this.references.has(field)) continue
      if (value === '') after.delete(field)
      else after.set(field, value)
    }
    return after
  }

  /** A reply for each of the fields that is a reference. */
  #counted(fields: Iterable<string>, done: readonly Reference[]): Replies {
    return Array.from(fields)
      .filter((field) => this.references.has(field))
      .map((field) => [null, done.some(([name]) => name === field) ? 1 : 0])
  }

  #lifetime(maxAge: MaxAge): number {
    return lifetimeOf(maxAge ? msOf(maxAge) : this.maxAge)
  }
}

/** The fields that have a value; `''` is none, as null is stored so. */
function referencesIn(
  names: readonly string[],
  values: readonly (string | null | undefined)[],
): ReadonlyMap<string, string> {
  return new Map(
    names.flatMap((name, at): Reference[] => {
      const value = values[at]
      return value ? [[name, value]] : []
    }),
  )
}

/** Each of the references that is not among those of the map, once. */
function difference(
  references: readonly Reference[],
  from: ReadonlyMap<string, string>,
): readonly Reference[] {
  const different = references.filter(([field, value]) => from.get(field) !== value)
  return [...new Map(different.map((reference) => [JSON.stringify(reference), reference])).values()]
}
