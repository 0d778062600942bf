/** What the sources of all packages have in common: options, records in Redis, and the way they are left. */
import { serialize } from 'cookie'
import { answerOf } from '../core/answer.ts'
import { holdsProto, MAX_DEPTH, nestingOf } from '../core/document.ts'
import type { FormerRecord } from '../core/former.ts'
import { optionError } from '../core/errors.ts'
import type { HeaderLine } from '../core/transport.ts'
import { driverOf } from '../redis/driver.ts'
import type { Driver, RedisClient } from '../redis/driver.ts'
import { isWrongType } from '../redis/fault.ts'
import { foreignReply, numberIn, textIn } from '../redis/reply.ts'

/** The data of a session of another package. */
export type OldData = Record<string, unknown>

export interface SourceOptions {
  /** Where the old sessions lie: a client of ioredis, iovalkey or redis (node-redis), as `redisStore` takes it. */
  readonly client: RedisClient
  /**
   * From the old data to the id of the user who is signed in, undefined where nobody is. The session
   * is listed and can be revoked under that id.
   */
  readonly userOf?: (data: OldData) => string | number | false | null | undefined
  /** From the old data to the new: renames fields that are verbs here, leaves out what is no longer needed. */
  readonly convert?: (data: OldData) => OldData
  /**
   * What happens to the old session when it goes on here. `'keep'` (default) leaves it and its cookie,
   * so that the old version of the app can be brought back. `'delete'` removes the cookie, and the
   * record a minute later: requests that are under way still find it.
   */
  readonly oldSession?: 'keep' | 'delete'
}

/** Of packages that keep sessions as texts. */
export interface TextOptions extends SourceOptions {
  /** What `serializer.parse`, or `unserialize`, was: from the stored text to the session. Default: JSON. */
  readonly parse?: (text: string) => unknown
}

/** Where the old cookie was set; it is removed by the same. */
export interface OldCookie {
  readonly name?: string
  /** Default `/`. */
  readonly path?: string
  /** Default: none. */
  readonly domain?: string
}

/** How long a record that is to be deleted stays for requests that are under way. */
const GRACE = 60_000

/** Throws ERR_OPTION for options that no source has, naming the function. */
export function checkedSource(
  name: string,
  options: SourceOptions & { readonly cookie?: OldCookie },
  known: readonly string[],
): Driver {
  if (typeof options !== 'object' || options === null) {
    throw optionError(`${name} takes an object with a client.`)
  }
  const all = ['client', 'userOf', 'convert', 'oldSession', 'cookie', ...known]
  const unknown = Object.keys(options).find((option) => !all.includes(option))
  if (unknown !== undefined) {
    throw optionError(`${name} has no option '${unknown}'; it takes ${all.join(', ')}.`)
  }
  const { userOf, convert, oldSession = 'keep' } = options
  const { parse } = options as TextOptions
  for (const [option, value] of Object.entries({ userOf, convert, parse })) {
    if (value !== undefined && typeof value !== 'function') {
      throw optionError(`${name}: ${option} must be a function.`)
    }
  }
  if (oldSession !== 'keep' && oldSession !== 'delete') {
    throw optionError(`${name}: oldSession must be 'keep' or 'delete'.`)
  }
  return driverOf(options.client)
}

/** A string and what is left of its life: undefined where it has no end. */
export async function readText(
  driver: Driver,
  key: string,
): Promise<{ readonly text: string; readonly remaining: number | undefined } | undefined> {
  const [reply, ttl] = await Promise.all([
    readable(driver.send(key, true, ['GET', key])),
    ttlOf(driver, key),
  ])
  const text = reply === FOREIGN ? '' : textIn(reply)
  return text === null || ttl === NO_KEY ? undefined : { text, remaining: remainingOf(ttl) }
}

/** What is of another type is not what the package writes; the caller finds it unreadable. */
const FOREIGN = Symbol('of another type')

async function readable(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply
  } catch (error) {
    if (isWrongType(error)) return FOREIGN
    throw error
  }
}

/** A hash and what is left of its life. */
export async function readHash(
  driver: Driver,
  key: string,
): Promise<
  | { readonly fields: Map<string, string>; readonly remaining: number | undefined }
  | 'unreadable'
  | undefined
> {
  const [reply, ttl] = await Promise.all([
    readable(driver.send(key, true, ['HGETALL', key])),
    ttlOf(driver, key),
  ])
  if (reply === FOREIGN) return 'unreadable'
  const fields = new Map(pairsOf(reply))
  return fields.size === 0 || ttl === NO_KEY ? undefined : { fields, remaining: remainingOf(ttl) }
}

/** RESP2 gives a flat list, RESP3 a map, which clients hand over as one or as an object. */
function pairsOf(reply: unknown): [string, string][] {
  if (typeof reply !== 'object' || reply === null) throw foreignReply('a hash')
  if (reply instanceof Map) return [...(reply as Map<string, string>)].map(textsOf)
  if (!Array.isArray(reply)) return Object.entries(reply).map(textsOf)
  return reply.flatMap((name, at) => (at % 2 ? [] : [textsOf([name, reply[at + 1]])]))
}

function textsOf([name, value]: readonly unknown[]): [string, string] {
  if (typeof name !== 'string' || typeof value !== 'string') throw foreignReply('a hash')
  return [name, value]
}

/** What PTTL says: milliseconds, or one of these. */
const [NO_END, NO_KEY] = [-1, -2]

async function ttlOf(driver: Driver, key: string): Promise<number> {
  const ttl = numberIn(await driver.send(key, true, ['PTTL', key]))
  if (ttl === null || ttl < NO_KEY) throw foreignReply('a time to live')
  return ttl
}

function remainingOf(ttl: number): number | undefined {
  return ttl === NO_END ? undefined : Math.max(1, ttl)
}

/** JSON of an object, or undefined: also for what is nested too deep, or holds a name of every object. */
export function parsed(text: string, parse?: TextOptions['parse']): OldData | undefined {
  try {
    if (!parse && nestingOf(text) > MAX_DEPTH) return undefined
    const value: unknown = parse ? parse(text) : JSON.parse(text)
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isRecord && !holdsProto(value) ? (value as OldData) : undefined
  } catch {
    return undefined
  }
}

export function recordOf(
  { userOf, convert }: SourceOptions,
  data: OldData,
  life: Pick<FormerRecord, 'remaining' | 'isSliding' | 'persistent'>,
): FormerRecord {
  const user = userOf && answerOf('userOf of migrateFrom', () => userOf(data))
  const converted = convert ? answerOf('convert of migrateFrom', () => convert(data)) : data
  if (!isPlain(converted)) {
    throw optionError('convert of migrateFrom must return an object with the new data.')
  }
  return { ...life, data: converted, userId: userIdOf(user) }
}

function isPlain(value: unknown): value is OldData {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Undefined, null, false and '' are nobody. */
function userIdOf(user: unknown): string | undefined {
  if (user === undefined || user === null || user === false || user === '') return undefined
  if (typeof user === 'string') return user
  if (typeof user === 'number' && Number.isFinite(user)) return String(user)
  throw optionError(
    'userOf of migrateFrom must return the id of a user as text or number, or undefined.',
  )
}

/**
 * Deletes the record in a minute, where it would stay longer than that. One without an end gets the one
 * of what is remembered of it here: later its cookie would make a second session.
 */
export async function leaveKey(
  driver: Driver,
  key: string,
  { oldSession }: SourceOptions,
  { remaining = Infinity }: FormerRecord,
  keptFor: number,
): Promise<void> {
  const end = oldSession === 'delete' ? GRACE : keptFor
  if (remaining > end) await driver.send(key, false, ['PEXPIRE', key, String(end)])
}

/** Deletes a record, but nothing that is none. */
export async function endKey(
  driver: Driver,
  key: string,
  found: Promise<FormerRecord | 'unreadable' | undefined>,
): Promise<void> {
  const record = await found
  if (typeof record === 'object') await driver.send(key, false, ['DEL', key])
}

/** The lines that remove cookies by these names. */
export function removalOf(
  names: readonly string[],
  { path = '/', domain }: OldCookie = {},
): HeaderLine[] {
  const scope = { path, ...(domain === undefined ? {} : { domain }) }
  return names.map((name) => [
    'Set-Cookie',
    serialize(name, '', { ...scope, maxAge: 0, expires: new Date(0) }),
  ])
}
