/**
 * What a request changed of what it loaded, for less than encoding everything: most requests only read,
 * and what is no object cannot change within.
 */
import { changesOf, compare } from './changes.ts'
import type { Changes } from './changes.ts'
import type { Codec } from './codec.ts'
import { encodeField } from './document.ts'
import { lineOf, valueIn, withLine } from './lines.ts'
import type { Fields } from './document.ts'
import { isReserved, META_FIELD, reservedError } from './reserved.ts'

/** What a body was decoded to, as the session was filled with it; fields may hold the meta line, too. */
export interface Loaded {
  readonly body: string
  readonly fields: Fields
}

/** Whether the session holds what the stored body says. False: perhaps not. */
export function isUntouched(loaded: Loaded, body: string, session: object, codec: Codec): boolean {
  if (loaded.body !== body) return false
  const fields = session as Fields
  const names = Object.keys(fields)
  const kept =
    Object.keys(loaded.fields).length - (Object.hasOwn(loaded.fields, META_FIELD) ? 1 : 0)
  return names.length === kept && names.every((name) => isKept(name, loaded, fields, codec))
}

/** As `changesOf`, for less where the stored body is the one that was loaded; throws the same. */
export function changesSince(
  loaded: Loaded,
  storedBody: string,
  session: object,
  codec: Codec,
): Changes {
  if (loaded.body !== storedBody) return changesOf(storedBody, session, codec)
  const fields = session as Fields
  const stored = new Map<string, string>()
  const names: string[] = []
  const texts: string[] = []
  let { body } = loaded
  const change = (name: string, text: string): void => {
    const key = JSON.stringify(name)
    const from = valueIn(loaded.body, key)
    if (from !== '') stored.set(key, from)
    body = withLine(body, key, text)
  }
  for (const name of Object.keys(fields)) {
    if (isKept(name, loaded, fields, codec)) continue
    if (isReserved(name)) throw reservedError(name)
    const text = encodeField(name, fields[name], codec) ?? ''
    names.push(name)
    texts.push(text)
    change(name, text)
  }
  for (const name of Object.keys(loaded.fields))
    if (!Object.hasOwn(fields, name) && !isReserved(name)) change(name, '')
  return { changes: compare(stored, names, texts, fields, codec), body }
}

function isKept(
  name: string,
  { body, fields: before }: Loaded,
  fields: Fields,
  codec: Codec,
): boolean {
  const value = fields[name]
  if (value !== before[name] || value === undefined || typeof value === 'function') return false
  return typeof value !== 'object' || value === null || isLineOf(body, name, value, codec)
}

/** Whether this value, as it is now, stands in the body. */
function isLineOf(body: string, name: string, value: object, codec: Codec): boolean {
  try {
    const text = codec.encode(value)
    return text !== undefined && body.includes(lineOf(JSON.stringify(name), text))
  } catch {
    // The error is told with the field's name, by whoever encodes it to store it.
    return false
  }
}
