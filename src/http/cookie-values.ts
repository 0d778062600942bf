/** All values that a Cookie header holds under one name. */
import { parse } from 'cookie'

/** `isEncoded`: percent signs stand for bytes, as most packages have it. Their order says nothing, and a page on a sibling domain can add one (RFC 6265bis section 4.2.2). */
export function cookieValues(header: string, name: string, isEncoded = true): string[] {
  if (!header.includes(name)) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const text = pair.trim()
    if (!text.startsWith(name) || text[name.length] !== '=') continue
    const raw = text.slice(name.length + 1)
    // What an encoder left as it was needs no decoder.
    values.push(isEncoded && /[^\w.-]/.test(raw) ? (parse(text)[name] ?? '') : raw)
  }
  return values
}
