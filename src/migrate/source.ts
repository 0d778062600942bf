/** What the sources of all packages have in common: options, records in Redis, and the way they are left. */
import { serialize } from 'cookie'
import type { FormerRecord } from '../core/former.ts'
import { HandstampError, optionError } from '../core/errors.ts'
import type { HeaderLine } from '../core/transport.ts'
import { driverOf } from '../redis/driver.ts'
import type { Driver, RedisClient } from '../redis/driver.ts'

/** The data of a session of another package. */
export type OldData = Record<string, unknown>

export interface SourceOptions {
  /** Where the old sessions lie: a client of ioredis, iovalkey or redis (node-redis), as `redisStore` takes it. */
  readonly client: RedisClient
  /**
   * From the old data to the id of the user who is signed in, undefined where nobody is. The session
   * is listed and can be revoked under that id.
   */
  readonly userOf?: (data: OldData) => string | number | undefined
  /** From the old data to the new: renames fields that are verbs here, leaves out what is no longer needed. */
  readonly convert?: (data: OldData) => OldData
  /**
   * What happens to the old session when it goes on here. `'keep'` (default) leaves it and its cookie,
   * so that the old version of the app can be brought back. `'delete'` removes the cookie, and the
   * record a minute later: requests that are under way still find it.
   */
  readonly oldSession?: 'keep' | 'delete'
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
  for (const [option, value] of Object.entries({ userOf, convert })) {
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
  const [text, ttl] = await Promise.all([
    driver.send(key, true, ['GET', key]) as Promise<string | null>,
    driver.send(key, true, ['PTTL', key]),
  ])
  return text === null ? undefined : { text, remaining: remainingOf(ttl) }
}

/** A hash and what is left of its life. */
export async function readHash(
  driver: Driver,
  key: string,
): Promise<
  { readonly fields: Map<string, string>; readonly remaining: number | undefined } | undefined
> {
  const [reply, ttl] = await Promise.all([
    driver.send(key, true, ['HGETALL', key]),
    driver.send(key, true, ['PTTL', key]),
  ])
  const fields = new Map(pairsOf(reply))
  return fields.size === 0 ? undefined : { fields, remaining: remainingOf(ttl) }
}

/** RESP2 gives a flat list, RESP3 a map, which clients hand over as one or as an object. */
function pairsOf(reply: unknown): [string, string][] {
  if (reply instanceof Map) return [...(reply as Map<string, string>)]
  if (!Array.isArray(reply)) return Object.entries((reply ?? {}) as Record<string, string>)
  return reply.flatMap((name, at) => (at % 2 ? [] : [[name as string, reply[at + 1] as string]]))
}

function remainingOf(ttl: unknown): number | undefined {
  return Number(ttl) >= 0 ? Number(ttl) : undefined
}

/** JSON of an object, or undefined. */
export function parsed(text: string): OldData | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as OldData)
      : undefined
  } catch {
    return undefined
  }
}

export function recordOf(
  { userOf, convert }: SourceOptions,
  data: OldData,
  life: Pick<FormerRecord, 'remaining' | 'isSliding' | 'persistent'>,
): FormerRecord {
  try {
    const user = userOf?.(data) ?? undefined
    const userId = user === undefined ? undefined : String(user)
    return { ...life, data: convert ? convert(data) : data, userId }
  } catch (cause) {
    // Otherwise it would be taken for a failure of Redis.
    throw new HandstampError('ERR_OPTION', 'userOf or convert of a source in migrateFrom threw.', {
      cause,
    })
  }
}

/** Deletes the record in a minute, where it would stay longer than that. */
export async function leaveKey(
  driver: Driver,
  key: string,
  { oldSession }: SourceOptions,
  { remaining = Infinity }: FormerRecord,
): Promise<void> {
  if (oldSession !== 'delete' || remaining <= GRACE) return
  await driver.send(key, false, ['PEXPIRE', key, String(GRACE)])
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
