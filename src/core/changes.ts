/**
 * What a request changed: each field's encoded text against the text that was loaded. No proxies, so
 * deep mutation is seen and class instances stay themselves; no 32-bit hashes, so nothing is missed.
 */
import { jsonCodec } from './codec.ts'
import type { Codec } from './codec.ts'
import { encodeField, holdsProto, MAX_DEPTH, nestingOf, notSerialisable } from './document.ts'
import { lineOf, linesOf } from './lines.ts'
import type { Fields } from './document.ts'
import { HandstampError } from './errors.ts'
import { isReserved, reservedError } from './reserved.ts'
import type { FieldChange } from './store.ts'

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

/** `stored`: the encoded values of the fields that are looked at; it is emptied. */
export function compare(
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
