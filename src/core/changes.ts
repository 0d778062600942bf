/**
 * What a request changed: each field's encoded text against the text that was loaded. No proxies, so
 * deep mutation is seen and class instances stay themselves; no 32-bit hashes, so nothing is missed.
 */
import { jsonCodec } from './codec.ts'
import type { Codec } from './codec.ts'
import {
  encodeField,
  holdsProto,
  lineOf,
  linesOf,
  MAX_DEPTH,
  nestingOf,
  notSerialisable,
} from './document.ts'
import type { Fields } from './document.ts'
import { HandstampError } from './errors.ts'
import { isReserved, META_FIELD, reservedError } from './reserved.ts'
import type { FieldChange } from './store.ts'

const NOTHING: readonly FieldChange[] = []

export interface Changes {
  readonly changes: readonly FieldChange[]
  /** All fields as they are now, encoded: what is stored once the changes are written. */
  readonly body: string
}

export const NO_CHANGES: Changes = { changes: [], body: '' }

/**
 * The changes from a stored body to the fields as they are now; throws ERR_RESERVED_NAME and
 * ERR_NOT_SERIALISABLE before anything is written.
 */
export function changesOf(stored: string, fields: object, codec: Codec): Changes {
  const names = Object.keys(fields)
  if (isUnchanged(stored, fields, codec)) return { changes: NOTHING, body: stored }
  const texts: string[] = []
  let body = ''
  for (const name of names) {
    if (isReserved(name)) throw reservedError(name)
    const text = encodeField(name, (fields as Fields)[name], codec) ?? ''
    texts.push(text)
    if (text !== '') body += lineOf(JSON.stringify(name), text)
  }
  const changes =
    body === stored ? [] : compare(linesOf(stored), names, texts, fields as Fields, codec)
  return { changes, body }
}

/**
 * Whether a session still holds just what was loaded. Most requests only read: then a look at each
 * field answers, because what is no object cannot change within. False: perhaps it was changed.
 */
export function isUntouched(fields: Fields, loaded: Fields, stored: string, codec: Codec): boolean {
  const names = Object.keys(fields)
  if (names.length === 0) return stored === ''
  const count = Object.keys(loaded).length - (Object.hasOwn(loaded, META_FIELD) ? 1 : 0)
  return (
    names.length === count &&
    names.every((name) => {
      const value = fields[name]
      if (value !== loaded[name] || value === undefined) return false
      if (typeof value === 'function') return false
      return typeof value !== 'object' || value === null || isLineOf(stored, name, value, codec)
    })
  )
}

/** Whether this value, as it is now, stands in the body. */
function isLineOf(stored: string, name: string, value: object, codec: Codec): boolean {
  try {
    const text = codec.encode(value)
    return text !== undefined && stored.includes(lineOf(JSON.stringify(name), text))
  } catch {
    return false
  }
}

/**
 * One JSON.stringify answers for all fields where nothing was changed since a save. JSON never holds a raw line
 * break, so the lines of a body joined are the text of the object, if it holds just these fields.
 * False: perhaps something was changed.
 */
function isUnchanged(stored: string, fields: object, codec: Codec): boolean {
  if (codec !== jsonCodec) return false
  const count = Object.keys(fields).length
  if (count === 0) return stored === ''
  try {
    const text = JSON.stringify(fields)
    const isAsLong = stored.length - count === text.length - 1
    return isAsLong && stored.replaceAll('\n', '') === `,${text.slice(1, -1)}`
  } catch {
    // Something that JSON cannot hold: the field is found, and named, one by one.
    return false
  }
}

function compare(
  stored: Map<string, string>,
  names: readonly string[],
  texts: readonly string[],
  fields: Fields,
  codec: Codec,
): readonly FieldChange[] {
  const changes: FieldChange[] = []
  for (const [at, field] of names.entries()) {
    const name = JSON.stringify(field)
    const from = stored.get(name) ?? ''
    const to = texts[at] as string
    stored.delete(name)
    if (to === from || (from !== '' && to === restated(from, codec))) continue
    if (to !== '') refuseUnstorable(field, fields[field], to, codec)
    changes.push({ name, from, to })
  }
  for (const [name, from] of stored) {
    if (!isReserved(JSON.parse(name) as string)) changes.push({ name, from, to: '' })
  }
  return changes
}

/** A value that another writer spelled differently (`1.0`, spaces) has not been changed by this request. */
function restated(text: string, codec: Codec): string | undefined {
  return codec.encode(codec.decode(text))
}

/** JSON.stringify passes over some values in silence; whoever stored them would lose them in silence. */
export function refuseUnstorable(field: string, value: unknown, text: string, codec: Codec): void {
  if (nestingOf(text) >= MAX_DEPTH) throw notSerialisable(field)
  if (codec === jsonCodec && (holdsUnstorable(value) || holdsProto(value)))
    throw notSerialisable(field)
}

function holdsUnstorable(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return true
  if (typeof value !== 'object' || value === null) return false
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
  if (isEmptied(value)) return true
  // Of a list JSON writes the elements only; what else hangs on it may be a circle.
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsUnstorable)
}

/** Objects of which JSON keeps nothing, or bytes of which it makes a list of names. */
export function isEmptied(value: object): boolean {
  const kinds = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error]
  return kinds.some((kind) => value instanceof kind) || ArrayBuffer.isView(value)
}

/** Names the three largest fields, so that the reader knows where to cut. */
export function tooLargeError(
  bytes: number | undefined,
  limit: number,
  fields: object,
  codec: Codec,
): HandstampError {
  const sizes = Object.entries(fields)
    .map(([name, value]) => ({
      name,
      size: Buffer.byteLength(encodeField(name, value, codec) ?? ''),
    }))
    .toSorted((a, b) => b.size - a.size)
    .slice(0, 3)
  const largest = sizes.map(({ name, size }) => `'${name}' (${size} B)`).join(', ')
  const total = bytes === undefined ? 'more than' : `${bytes} bytes, over`
  return new HandstampError(
    'ERR_TOO_LARGE',
    `The session would take ${total} the limit of ${limit} bytes (maxBytes); nothing was saved. ` +
      `Its largest fields: ${largest}. Keep large data elsewhere and store a reference to it.`,
    { fields: sizes.map(({ name }) => name) },
  )
}
