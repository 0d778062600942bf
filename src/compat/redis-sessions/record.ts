/** What a record of redis-sessions says: from the fields of its hash to a session, and back. */
import { randomInt } from 'node:crypto'
import { HandstampError } from '../../core/errors.ts'
import type { Data, DataChange } from './validate.ts'

/** A session as `get` and its kin return it. */
export interface Session<D extends Data = Data> {
  /** Whose session it is: the id of the user. */
  id: string
  /** How often it was read, and written. */
  r: number
  w: number
  /** Seconds that it lasts without use; with `no_resave` what is left of them. */
  ttl: number
  /** Seconds since it was last used. */
  idle: number
  ip: string
  /** The data; left out where there are none. */
  d?: D
  /** Only where the end is fixed, whatever the use. */
  no_resave?: boolean
}

/** The fields of a record in the order in which they are read. */
export const FIELDS = ['id', 'r', 'w', 'ttl', 'd', 'la', 'ip', 'no_resave'] as const
export type Fields = readonly (string | null)[]

/** The data as they are stored; empty for none. */
export function dataIn(fields: Fields): string {
  return fields[4] ?? ''
}

/** Undefined where the record is not there, or over. */
export function sessionOf(
  [id, r, w, ttl, d, la, ip, noResave]: Fields,
  now: number,
): Session | undefined {
  if (id === null || id === undefined) return undefined
  const idle = now - Number(la)
  if (Number(ttl) < idle) return undefined
  const session: Session = { id, r: Number(r), w: Number(w), ttl: Number(ttl), idle, ip: ip ?? '' }
  if (noResave === '1') {
    session.no_resave = true
    session.ttl -= idle
  }
  if (d) session.d = parsed(d)
  return session
}

export interface NewSession {
  readonly id: string
  readonly ip: string
  readonly ttl: number
  /** As `textOfData` has it. */
  readonly d: string
  readonly isFixed: boolean
}

/** The names and values of a new record, in turn. */
export function newRecord({ id, ip, ttl, d, isFixed }: NewSession, now: number): string[] {
  const fields = ['id', id, 'r', '1', 'w', '1', 'ip', ip, 'la', `${now}`, 'ttl', `${ttl}`]
  if (d) fields.push('d', d)
  if (isFixed) fields.push('no_resave', '1')
  return fields
}

/** The data after a change: null removes a key, keys that are not in it stay. */
export function merged(data: Data | undefined, change: DataChange): Data {
  // Map and fromEntries, because '__proto__' is a key like any other here.
  const all = new Map<string, Data[string] | null>(Object.entries(data ?? {}))
  for (const [key, value] of Object.entries(change)) all.set(key, value)
  return Object.fromEntries([...all].filter(([, value]) => value !== null)) as Data
}

/** Empty for no data: such a record has no field d. */
export function textOfData(data: Data): string {
  return Object.keys(data).length > 0 ? JSON.stringify(data) : ''
}

function parsed(text: string): Data {
  try {
    return JSON.parse(text) as Data
  } catch {
    // The error of JSON.parse quotes the text.
    throw new HandstampError(
      'ERR_STORE',
      'A record of redis-sessions holds data that are not JSON.',
    )
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYabcdefghijklmnopqrstuvwxyz0123456789'

/** 55 characters of chance (326 bits), and after a Z the time in base 36, as the original has it. */
export function newToken(nowMs: number): string {
  const time = `Z${nowMs.toString(36)}`
  let token = ''
  while (token.length + time.length < 64) token += LETTERS.charAt(randomInt(LETTERS.length))
  return token + time
}

/** When a token was made, ms; 0 for one that does not say. */
export function madeAt(token: string): number {
  return Number.parseInt(/Z([0-9a-z]+)$/.exec(token)?.[1] ?? '0', 36)
}
