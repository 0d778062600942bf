/** The lines of a document's body, one per field: `,"name":value` and a line break. */

/** One field's line; the name is JSON text. */
export function lineOf(name: string, value: string): string {
  return `,${name}:${value}\n`
}

/** The lines of a body: field name (as JSON text) → value. Regular expressions end lines at U+2028, so by hand. */
export function linesOf(body: string): Map<string, string> {
  const lines = new Map<string, string>()
  for (let start = 0; start < body.length;) {
    const end = body.indexOf('\n', start)
    if (end === -1) break
    const name = /,("(?:[^"\\]|\\[^])*"):/y
    name.lastIndex = start
    const match = name.exec(body)
    if (match) lines.set(match[1] as string, body.slice(name.lastIndex, end))
    start = end + 1
  }
  return lines
}

/** One field's value in a body, '' where it has none. */
export function valueIn(body: string, name: string): string {
  const place = placeOf(body, name)
  return place ? body.slice(place.value, place.end) : ''
}

/** The body with one field's line replaced, or without it where `value` is ''. */
export function withLine(body: string, name: string, value: string): string {
  const line = value === '' ? '' : lineOf(name, value)
  const place = placeOf(body, name)
  if (!place) return body + line
  return body.slice(0, place.start) + line + body.slice(place.end + 1)
}

interface Place {
  readonly start: number
  readonly value: number
  /** Where the line break stands. */
  readonly end: number
}

function placeOf(body: string, name: string): Place | undefined {
  const mark = `,${name}:`
  const start = body.startsWith(mark) ? 0 : body.indexOf(`\n${mark}`) + 1
  if (start === 0 && !body.startsWith(mark)) return undefined
  return { start, value: start + mark.length, end: body.indexOf('\n', start) }
}
