/** The data of a session as connect-redis-sessions keeps them: plain values under any names. */
import { crc32 } from 'node:zlib'
import type { Session } from '../redis-sessions.ts'

export type Attributes = Record<string, string | number | boolean | null>

/** What is known of a session beside its data. */
export interface Meta {
  /** The id of the user. */
  id: string | number
  /** How often it was read, and written. */
  r: number
  w: number
  /** Seconds that it lasts without use. */
  ttl: number
  /** Seconds since its last use. */
  idle: number
  ip: string
}

/** What `save` calls back with. */
export type SavedSession = Attributes & { readonly _meta: Meta }

export function metaOf({ id, r, w, ttl, idle, ip }: Session): Meta {
  return { id, r, w, ttl, idle, ip }
}

/** Objects, arrays and functions are no data: they are passed over. */
export function attributesOf(target: object): Attributes {
  const all = Object.entries(target) as [string, Attributes[string]][]
  return Object.fromEntries(all.filter(([name, value]) => name !== '_meta' && isData(value)))
}

function isData(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}

/** What Redis is to be told, null for what is gone; undefined where nothing changed. */
export function changeOf(stored: Attributes, now: Attributes): Attributes | undefined {
  const change = new Map<string, Attributes[string]>()
  for (const name of Object.keys(stored)) if (!Object.hasOwn(now, name)) change.set(name, null)
  for (const [name, value] of Object.entries(now)) {
    const before = Object.hasOwn(stored, name) ? stored[name] : null
    if (!Object.is(before, value)) change.set(name, value)
  }
  return change.size > 0 ? Object.fromEntries(change) : undefined
}

/** As the original has it; nothing here depends on 32 bits. */
export function hashOf(attributes: Attributes): number {
  return crc32(JSON.stringify(attributes)) | 0
}
