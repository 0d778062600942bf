/** Cookie headers and stored documents that no session of ours ever looked like; the same in each run. */
import { createHash } from 'node:crypto'

export interface Noise {
  /** A whole number from 0, below `limit`. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
  /** Text of these characters. */
  text(length: number, characters: string): string
}

/** Random numbers that a failing run can be repeated with. */
export function noise(seed: string): Noise {
  let block = createHash('sha256').update(seed).digest()
  let at = 0
  const next = (): number => {
    if (at + 4 > block.length) {
      block = createHash('sha256').update(block).digest()
      at = 0
    }
    at += 4
    return block.readUInt32BE(at - 4)
  }
  const below = (limit: number): number => next() % limit
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item
  const text = (length: number, characters: string): string =>
    Array.from({ length }, () => characters[below(characters.length)]).join('')
  return { below, pick, text }
}

export const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** All that node:http lets through in a header, as one byte each. */
const HEADER_BYTES = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
  .filter((character) => /[\t\x20-\x7e\x80-\xff]/.test(character))
  .join('')

/** A Cookie header that brings no session; `real` is a value that does, to be spoiled. */
export function badCookie(random: Noise, real: string): string {
  const { below, pick, text } = random
  const spoiled = (): string => {
    const at = below(real.length)
    const other = pick([...BASE64URL].filter((character) => character !== real[at]))
    return pick([
      real.slice(0, at),
      real.slice(at + 1),
      `${real.slice(0, at)}${other}${real.slice(at + 1)}`,
      `${real}${other}`,
      [...real].toReversed().join(''),
      `${real}.${text(43, BASE64URL)}`,
      `s:${real}`,
      `${real}%00`,
      `${real}%ZZ`,
      encodeURIComponent(encodeURIComponent(`"${real}"`)),
    ])
  }
  const value = (): string =>
    pick([
      spoiled,
      () => text(below(200), BASE64URL),
      () => text(46, BASE64URL),
      () => text(below(100), HEADER_BYTES),
      () => text(below(60), '%0123456789abcdefABCDEF'),
      () => pick(['', '=', '"', '""', '%', '%E0%A4%A', '__proto__', 'constructor', 'null', '[]']),
      () => text(below(40) === 0 ? 6000 : 12, `${BASE64URL}="; ,`),
    ])()
  const name = (): string =>
    pick([
      'sid',
      'sid',
      'sid',
      'SID',
      'sid ',
      'sid[]',
      '',
      '__proto__',
      'toString',
      '__Host-sid',
      'x',
    ])
  const cookies = Array.from({ length: 1 + below(pick([1, 3, 30])) }, () =>
    below(20) === 0 ? value() : `${name()}=${value()}`,
  )
  return cookies.join(pick(['; ', '; ', ';', ' ; ', ';;', ', '])).trimStart()
}

/** A document that is no live session; `real` is the text of one, which says `"user":"ann"`. */
export function badDocument(random: Noise, real: string): Buffer {
  const { below, pick, text } = random
  const firstLine = real.indexOf('\n')
  const [head, body] = [real.slice(0, firstLine), real.slice(firstLine)]
  const meta = JSON.parse(`${head}}`) as { '@': unknown[] }
  const withMeta = (items: unknown[]): string =>
    `{"@":${JSON.stringify(items).replaceAll('"RAW"', pick(['1e400', '1e3', '-0', '0x1', '01']))}${body}`
  const spoiledMeta = (): string => {
    const items: unknown[] = [...meta['@']]
    items[below(6)] = pick<unknown>([null, -1, 1.5, 'RAW', 'an n', {}, [], true, 2 ** 60, ''])
    return withMeta(items)
  }
  const expired = (): string => {
    const items = [...meta['@']]
    items[2] = below(1_000_000)
    return withMeta(items)
  }
  // Shorter text cannot nest deep enough to harm, and is a session.
  const nested = 3000 + below(below(20) === 0 ? 100_000 : 3000)
  const made = pick<() => string | Buffer>([
    () => real.slice(0, below(real.length)),
    () => real.slice(1 + below(real.length - 1)),
    () => `${real.slice(0, -1)}${text(1 + below(5), 'x,]{"\n')}`,
    () => head + body.replaceAll('\n', ' '),
    () => `${head}${body}`.replaceAll('\n', '\n\n'),
    () => `${head}${body}`.replace('\n', '\r\n'),
    () => JSON.stringify(JSON.parse(real), null, 2),
    () => JSON.stringify({ user: 'ann', ...(JSON.parse(real) as object), '@': undefined }),
    () => JSON.stringify({ cookie: { originalMaxAge: 1 }, user: 'ann', passport: { user: 'ann' } }),
    () => `${head}\n,"__proto__":{"user":"ann"}${body}`,
    () => `${head}\n,"a":{"__proto__":{"user":"ann"}}${body}`,
    () => `${head}\n,"a":${'['.repeat(nested)}${']'.repeat(nested)}${body}`,
    () => `${head}\n,"user":"ann"\n,"user":"ann"${body}`,
    () => pick(['', ' ', 'null', 'true', '0', '"ann"', '[]', '{}', '{"@":1}', '{"@":[]}', 'NaN']),
    () => Buffer.from(text(below(300), HEADER_BYTES), 'latin1'),
    () => Buffer.concat([Buffer.from(real).subarray(0, -3), Buffer.from([0xff, 0xc0, 0x80])]),
    spoiledMeta,
    expired,
  ])()
  return Buffer.from(made)
}
