/** What does a hash in Redis hold of the values of a session? Text, so nothing that text would destroy. */
import { HandstampError } from '../../core/errors.ts'

/**
 * What a field may be given: stored as text, and read as text. null and undefined become `''`. Objects
 * are refused: the original stores `[object Object]`, and mixes the fields up where one is an array.
 */
export type FieldValue = string | number | bigint | boolean | null | undefined

/** The fields of a session as they are read: text. */
export type Fields = Record<string, string>

export type Texts = Readonly<Record<string, string>>

/** Throws ERR_NOT_SERIALISABLE, with the name of the field in `fields`. */
export function textsOf(values: Readonly<Record<string, FieldValue>>): Texts {
  return Object.fromEntries(
    Object.entries(values).map(([field, value]) => [field, textOf(field, value)]),
  )
}

function textOf(field: string, value: FieldValue): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
    return String(value)
  throw new HandstampError(
    'ERR_NOT_SERIALISABLE',
    `The session field '${field}' was given something else than a string, number or boolean, and a hash in Redis ` +
      'holds text only. Nothing was saved. Store JSON.stringify(value), and parse it after get().',
    { fields: [field] },
  )
}

/** HGETALL as ioredis (an object), RESP2 (a list) and RESP3 (a map, or whatever the client makes of it) give it. */
export function fieldsOf(reply: unknown): Fields {
  if (!Array.isArray(reply)) {
    return Object.fromEntries(reply instanceof Map ? reply : Object.entries(reply as Fields))
  }
  const flat = reply.flat() as string[]
  return Object.fromEntries(
    flat.flatMap((field, at) => (at % 2 === 0 ? [[field, flat[at + 1] as string]] : [])),
  )
}
