/**
 * The text of a session in the store: a JSON object with one line per top-level field.
 *
 *     {"@":[1,"Xk3_9a",1763700000000,61500,3600000,86400000]
 *     ,"userId":"u-1"
 *     ,"cart":[{"sku":"A-100","qty":2}]
 *     }
 *
 * The meta line: version, revision, when created, then in ms when last seen after that, the idle
 * timeout, the absolute timeout. JSON text holds no raw line break, so a script finds and replaces
 * one field's line by plain string search, while any JSON parser reads the whole.
 * docs/data-in-redis.md describes it for people.
 */
import { jsonCodec } from './codec.ts'
import type { Codec } from './codec.ts'
import { HandstampError } from './errors.ts'
import { asHandle } from './id.ts'
import type { Handle } from './id.ts'
import { linesOf } from './lines.ts'
import { META_FIELD } from './reserved.ts'
import type { Lifetime, Tombstone } from './store.ts'

export interface Meta extends Lifetime {
  /** Names the last write. */
  readonly revision: string
  /** Milliseconds since 1970, like all points in time here. */
  readonly createdAt: number
  readonly lastSeenAt: number
}

export type Fields = Record<string, unknown>

export type Decoded =
  /** `fields` may hold the meta line too: readers pass over reserved names. */
  | { readonly kind: 'live'; readonly meta: Meta; readonly body: string; readonly fields: Fields }
  /** The session goes on under another id; until `graceUntil` its old id still answers for it. */
  | { readonly kind: 'moved'; readonly successor: Handle; readonly graceUntil: number }
  | { readonly kind: 'ended' }
  | { readonly kind: 'corrupt'; readonly reason: string }

const VERSION = 1
/** A request that took longer than this has no say over a newer cookie any more. */
const TOMBSTONE_TTL = 30_000
/** Deeper nesting overflows the stack of JSON.stringify somewhere beyond; far above any real session. */
export const MAX_DEPTH = 256
/** Text this short cannot nest deep enough to harm. */
const SHALLOW_LENGTH = 4096
const MAX_LOADED_LENGTH = 1024 * 1024
/** The meta line in the one spelling that scripts read. */
const META_LINE = /^\{"@":\[1,"[\w-]+",\d+,\d+,\d+,\d+(,[^\n]*)?\]\n/
/** What stands behind a line break: the next field's name, or the end. */
const NEXT_LINE = /,"(?:[^"\\]|\\[^])*":|\}$/y

export function encodeDocument(meta: Meta, body: string): string {
  const { revision, createdAt, lastSeenAt, idleTimeout, absoluteDeadline } = meta
  // A clock that was set back since the session was created must not make it unreadable.
  const seen = Math.max(0, lastSeenAt - createdAt)
  const numbers = `${createdAt},${seen},${idleTimeout},${absoluteDeadline - createdAt}`
  return `{"@":[${VERSION},"${revision}",${numbers}${encodeExtra(meta)}]\n${body}}`
}

/** What the meta line holds beyond its numbers. */
export function encodeExtra({ persistent, signIn }: Lifetime): string {
  if (!persistent && !signIn) return ''
  const { userId: user, at, device } = signIn ?? {}
  return `,${JSON.stringify({ persistent: persistent || undefined, user, at, device })}`
}

/** One value as text, undefined for a field that is absent; throws ERR_NOT_SERIALISABLE naming the field. */
export function encodeField(name: string, value: unknown, codec: Codec): string | undefined {
  if (value === undefined) return undefined
  let text: string | undefined
  try {
    text = codec.encode(value)
  } catch (cause) {
    throw notSerialisable(name, cause)
  }
  if (text === undefined || text.includes('\n')) throw notSerialisable(name)
  return text
}

export function notSerialisable(name: string, cause?: unknown): HandstampError {
  // The cause is left out where it is the engine's own TypeError: V8 prints values of the cycle in it.
  return new HandstampError(
    'ERR_NOT_SERIALISABLE',
    `The session field '${name}' holds something that cannot be stored as JSON (a function, symbol, BigInt, Map, ` +
      `Set, a cycle or very deep nesting). Nothing was saved. Store plain data, or give createSessions a codec.`,
    {
      fields: [name],
      cause: cause instanceof TypeError || cause instanceof RangeError ? undefined : cause,
    },
  )
}

/** Reads a document of any origin: what is not ours, or harmful, is `corrupt`, never an exception. */
export function decodeDocument(text: string, codec: Codec): Decoded {
  if (text.length > MAX_LOADED_LENGTH) return corrupt('larger than 1 MiB')
  if (text.length > SHALLOW_LENGTH && nestingOf(text) > MAX_DEPTH) return corrupt('nested too deep')
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return corrupt('not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) return corrupt('not an object')
  const fields = parsed as Fields
  const head = fields[META_FIELD]
  if (!Array.isArray(head)) return corrupt('no meta line')
  if (head[0] === 'ended') return { kind: 'ended' }
  if (head[0] === 'moved') return decodeMoved(head)
  if (head[0] !== VERSION) return corrupt('another version')
  const meta = decodeMeta(head)
  if (!meta) return corrupt('a malformed meta line')
  const body = text.slice(text.indexOf('\n') + 1, -1)
  const names = Object.keys(fields)
  if (!META_LINE.test(text) || !onePerLine(text, names.length))
    return corrupt('not one line per field')
  if (hasProto(text, fields)) return corrupt('a field named __proto__')
  if (codec === jsonCodec) return { kind: 'live', meta, body, fields }
  try {
    return { kind: 'live', meta, body, fields: fieldsOf(text, body, codec) }
  } catch {
    return corrupt('a field the codec cannot decode')
  }
}

/** The fields once more, of a document that was decoded before. */
export function fieldsOf(text: string, body: string, codec: Codec): Fields {
  if (codec === jsonCodec) return JSON.parse(text) as Fields
  const fields: Fields = {}
  for (const [name, value] of linesOf(body))
    fields[JSON.parse(name) as string] = codec.decode(value)
  return fields
}

function decodeMeta(head: readonly unknown[]): Meta | undefined {
  const [, revision, createdAt, seenAfter, idleTimeout, absoluteTimeout, extra] = head
  if (typeof revision !== 'string' || !/^[\w-]+$/.test(revision)) return undefined
  if (![createdAt, seenAfter, idleTimeout, absoluteTimeout].every(isTime)) return undefined
  const born = createdAt as number
  return {
    revision,
    createdAt: born,
    lastSeenAt: born + (seenAfter as number),
    idleTimeout: idleTimeout as number,
    absoluteDeadline: born + (absoluteTimeout as number),
    ...decodeExtra(extra),
  }
}

interface Extra {
  readonly persistent?: unknown
  readonly user?: unknown
  readonly at?: unknown
  readonly device?: { readonly label?: unknown; readonly ip?: unknown }
}

function decodeExtra(extra: unknown): Pick<Meta, 'persistent' | 'signIn'> {
  const { persistent, user, at, device } = (extra ?? {}) as Extra
  if (typeof user !== 'string' || !isTime(at)) return { persistent: persistent === true }
  const { label, ip } = device ?? {}
  const described = typeof label === 'string' && {
    device: { label, ...(typeof ip === 'string' ? { ip } : {}) },
  }
  return { persistent: persistent === true, signIn: { userId: user, at, ...described } }
}

/** The metadata in a meta line alone, as lists read it; undefined where it is none. */
export function decodeMetaLine(line: string): Meta | undefined {
  try {
    const { [META_FIELD]: head } = JSON.parse(`${line}}`) as Fields
    return Array.isArray(head) && head[0] === VERSION ? decodeMeta(head) : undefined
  } catch {
    return undefined
  }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function decodeMoved([, to, until]: readonly unknown[]): Decoded {
  const successor = typeof to === 'string' ? asHandle(to) : undefined
  return successor && isTime(until)
    ? { kind: 'moved', successor, graceUntil: until }
    : corrupt('a malformed tombstone')
}

/**
 * Line breaks and spaces outside of strings are legal JSON; here each line break ends the meta line or
 * one top-level field, with the next name right behind it: that is how scripts find a field.
 */
function onePerLine(text: string, names: number): boolean {
  let depth = 0
  let lines = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 34) at = endOfString(text, at)
    else if (code === 91 || code === 123) depth++
    else if (code === 93 || code === 125) depth--
    else if (code === 44 && depth === 1 && text.charCodeAt(at - 1) !== 10) return false
    else if (code === 10) {
      lines++
      NEXT_LINE.lastIndex = at + 1
      if (!NEXT_LINE.test(text)) return false
    }
  }
  return lines === names && text.endsWith('\n}')
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escape = end
    while (text.charCodeAt(escape - 1) === 92) escape--
    if ((end - escape) % 2 === 0) return end
  }
}

/** Looks closer only where the name could be spelled in the text at all. */
function hasProto(text: string, fields: Fields): boolean {
  if (!text.includes('__proto__') && !/\\u005f/i.test(text)) return false
  return holdsProto(fields)
}

/** Whether an object anywhere within has an own key `__proto__` (CWE-1321); depth is bounded by the caller. */
export function holdsProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(holdsProto)
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(holdsProto)
}

/** The deepest nesting of brackets outside of strings. */
export function nestingOf(text: string): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quoted) {
      if (code === 92) at++
      else if (code === 34) quoted = false
    } else if (code === 34) quoted = true
    else if (code === 91 || code === 123) deepest = Math.max(deepest, ++depth)
    else if (code === 93 || code === 125) depth--
  }
  return deepest
}

function corrupt(reason: string): Decoded {
  return { kind: 'corrupt', reason }
}

/** What stands in for a session that its owner destroyed a moment ago. */
export const endedTombstone: Tombstone = { document: '{"@":["ended"]\n}', ttl: TOMBSTONE_TTL }

/** What stands in for a session that got a new id a moment ago. */
export function movedTombstone(successor: Handle, graceUntil: number): Tombstone {
  return { document: `{"@":["moved","${successor}",${graceUntil}]\n}`, ttl: TOMBSTONE_TTL }
}
