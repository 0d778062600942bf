/** The text of a session in the store: what is written is read back, and no text at all can harm a reader. */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../../../src/core/codec.ts'
import type { Codec } from '../../../src/core/codec.ts'
import {
  decodeDocument,
  encodeDocument,
  encodeField,
  endedTombstone,
  movedTombstone,
  nestingOf,
} from '../../../src/core/document.ts'
import { lineOf, linesOf, withLine } from '../../../src/core/lines.ts'
import type { Decoded, Fields, Meta } from '../../../src/core/document.ts'
import { asHandle } from '../../../src/core/id.ts'
import type { Handle } from '../../../src/core/id.ts'
import { isReserved } from '../../../src/core/reserved.ts'
import { liveHead } from '../../../src/core/splice.ts'

const meta: Meta = {
  revision: 'Xk3_9a',
  createdAt: 1_763_700_000_000,
  lastSeenAt: 1_763_700_060_000,
  idleTimeout: 3_600_000,
  absoluteDeadline: 1_763_786_400_000,
  persistent: false,
}
const head = '{"@":[1,"Xk3_9a",1763700000000,60000,3600000,86400000]'
const now = meta.lastSeenAt

describe('a session document', () => {
  test('is JSON with one line per field, for whoever looks at it in Redis', () => {
    const text = documentOf({ userId: 'u-1', cart: [{ sku: 'A-100', qty: 2 }] })
    expect(text).toBe(`${head}\n,"userId":"u-1"\n,"cart":[{"sku":"A-100","qty":2}]\n}`)
    expect(JSON.parse(text)).toMatchObject({ userId: 'u-1', cart: [{ sku: 'A-100', qty: 2 }] })
  })

  test('without fields is a meta line', () => {
    expect(documentOf({})).toBe(`${head}\n}`)
    expect(decoded(documentOf({}))).toMatchObject({ kind: 'live', meta, body: '' })
  })

  test('can be read although the clock was set back since its creation', () => {
    const text = encodeDocument({ ...meta, lastSeenAt: meta.createdAt - 5000 }, '')
    expect(decoded(text)).toMatchObject({ kind: 'live', meta: { lastSeenAt: meta.createdAt } })
  })

  test('says of a persistent session that it is one, and of no other', () => {
    const text = encodeDocument({ ...meta, persistent: true }, '')
    expect(text).toBe(`${head.slice(0, -1)},{"persistent":true}]\n}`)
    expect(decoded(text)).toMatchObject({ kind: 'live', meta: { persistent: true } })
  })

  test('is read back as it was written, whatever the names and values', () => {
    fc.assert(
      fc.property(fields(), metas(), (written, about) => {
        const text = encodeDocument(about, bodyOf(written))
        const read = decoded(text)
        expect(read).toMatchObject({ kind: 'live', meta: about, body: bodyOf(written) })
        expect(dataOf(read)).toEqual(written)
        expect(liveHead(text, about.lastSeenAt)).toMatchObject({ revision: about.revision })
      }),
      { numRuns: 1000 },
    )
  })

  test('is read back field by field through a codec of the application', () => {
    const dates: Codec = {
      encode: (value) => JSON.stringify(value instanceof Date ? { $date: value.getTime() } : value),
      decode: (text) => {
        const value = JSON.parse(text) as { $date?: number } | null
        return value?.$date === undefined ? value : new Date(value.$date)
      },
    }
    const written = { at: new Date(5), name: 'Ann' }
    const read = decodeDocument(documentOf(written, dates), dates)
    expect(dataOf(read)).toEqual(written)
  })

  test('that the codec cannot read is corrupt, not an error', () => {
    const picky: Codec = {
      ...jsonCodec,
      decode: () => {
        throw new Error('no')
      },
    }
    expect(decodeDocument(documentOf({ a: 1 }), picky)).toMatchObject({ kind: 'corrupt' })
  })
})

describe('a tombstone', () => {
  const successor = asHandle('abcABCDEFGHIJKLMNOPQRSTUV') as Handle

  test('says that a session was ended', () => {
    expect(decoded(endedTombstone.document)).toEqual({ kind: 'ended' })
  })

  test('says under which name a session goes on, and how long its old id answers', () => {
    const { document } = movedTombstone(successor, now + 10)
    expect(decoded(document)).toEqual({ kind: 'moved', successor, graceUntil: now + 10 })
  })

  test('never counts as a live session to a writer', () => {
    expect(liveHead(endedTombstone.document, 0)).toBeUndefined()
    expect(liveHead(movedTombstone(successor, now).document, 0)).toBeUndefined()
  })

  test.each([
    ['without a successor', '{"@":["moved"]\n}'],
    ['whose successor is no handle', '{"@":["moved","../../etc",5]\n}'],
    ['whose successor is no text', '{"@":["moved",5,5]\n}'],
    ['without a time', '{"@":["moved","abcABCDEFGHIJKLMNOPQRSTUV"]\n}'],
    ['with a time before all time', '{"@":["moved","abcABCDEFGHIJKLMNOPQRSTUV",-1]\n}'],
  ])('%s is corrupt', (_title, text) => {
    expect(decoded(text).kind).toBe('corrupt')
  })
})

describe('a text that is no session document of ours', () => {
  const good = documentOf({ userId: 'u-1' })

  test.each([
    ['nothing', ''],
    ['a line break', '\n'],
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['a number', '42'],
    ['a text', '"{}"'],
    ['an array', '[]'],
    ['an array that holds a document', `[${good}]`],
    ['an object without a meta line', '{"userId":"u-1"}'],
    ['the session of another library', '{"cookie":{"originalMaxAge":null},"user":1}'],
    ['a document cut off in its middle', good.slice(0, -10)],
    ['a document with something after it', `${good}\n`],
    ['a document with something before it', ` ${good}`],
    ['a byte order mark before it', `\uFEFF${good}`],
    ['a document of another version', good.replace('[1,', '[2,')],
    ['a document whose version is text', good.replace('[1,', '["1",')],
    ['a meta line that is an object', good.replace(/\[.*\]/, '{}')],
    ['a meta line that is empty', good.replace(/\[.*\]/, '[]')],
    ['a meta line too short', good.replace(',86400000]', ']')],
    ['a negative time', good.replace(',1763700000000', ',-1763700000000')],
    ['a time that is no whole number', good.replace(',3600000,', ',3600000.5,')],
    ['a time in words', good.replace(',3600000,', ',"1h",')],
    ['a time beyond exact numbers', good.replace(',3600000,', ',36000000000000000000,')],
    ['a time that scripts read differently', good.replace(',3600000,', ',3600e3,')],
    ['a meta line with spaces, which scripts do not know', good.replace('[1,', '[1, ')],
    ['a revision that is a number', good.replace('"Xk3_9a"', '5')],
    ['a revision with a quote in it', good.replace('Xk3_9a', 'Xk3\\"9a')],
    ['a document pretty-printed by hand', JSON.stringify(JSON.parse(good), null, 2)],
    ['a document on one line', JSON.stringify(JSON.parse(good))],
    ['two fields on one line', documentOf({ a: 1 }).replace('1\n', '1,"b":2\n')],
    ['a field over two lines', documentOf({ a: [1, 2] }).replace('1,2', '1\n,2')],
    [
      'two fields on one line and a field over two',
      documentOf({ a: 1, b: { c: 1, d: 2 } })
        .replace('\n,"b"', ',"b"')
        .replace(',"d"', '\n,"d"'),
    ],
    ['the same field twice', documentOf({ a: 1 }).replace('\n}', '\n,"a":2\n}')],
    ['the same field twice and no last line break', `${head}\n,"a":1\n,"a":2}`],
    ['the same field twice and another behind it', `${head}\n,"a":1\n,"a":2,"b":3\n}`],
    ['the same field twice, the second hidden', `${head}\n,"a":1,"a":2\n,"b":3\n}`],
    ['two meta lines', `${good.slice(0, -1)}${head.slice(1).replace('"@"', ',"@"')}\n}`],
    ['the meta line at the end', `{"a":1\n,${head.slice(1)}\n}`],
    ['line breaks of another system', good.replaceAll('\n', '\r\n')],
    ['a lone surrogate in place of the document', '\uD800'],
  ])('%s is corrupt', (_title, text) => {
    expect(decoded(text)).toMatchObject({ kind: 'corrupt', reason: expect.any(String) })
  })

  test.each([
    ['at the top', '"__proto__":{"admin":true}'],
    ['nested', '"a":{"b":[{"__proto__":{"admin":true}}]}'],
    ['escaped at the top', '"\\u005f_proto__":{"admin":true}'],
    ['escaped in capitals', '"a":{"\\u005F\\u005fproto_\\u005F":{"admin":true}}'],
    ['with a harmless value', '"a":{"__proto__":1}'],
  ])('a field named __proto__ %s is corrupt', (_title, field) => {
    expect(decoded(`${head}\n,${field}\n}`)).toEqual({
      kind: 'corrupt',
      reason: 'a field named __proto__',
    })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test('a field that only speaks of __proto__ is data like any other', () => {
    const written = { note: 'never write __proto__', '\\u005f': ['__proto__'] }
    expect(dataOf(decoded(documentOf(written)))).toEqual(written)
  })

  test.each([300, 5000, 500_000])('%i arrays in each other are corrupt', (depth) => {
    const nested = '['.repeat(depth) + ']'.repeat(depth)
    const filler = JSON.stringify('x'.repeat(5000))
    expect(decoded(`${head}\n,"a":${nested}\n,"b":${filler}\n}`).kind).toBe('corrupt')
  })

  test('10 MB are refused without being parsed', () => {
    const broken = documentOf({ a: 'x'.repeat(10_000_000) }).slice(0, -1)
    expect(decoded(broken)).toEqual({ kind: 'corrupt', reason: 'larger than 1 MiB' })
  })

  test('never throws, and what passes for live is what scripts can work on', () => {
    const kinds = new Set<string>()
    fc.assert(
      fc.property(badTexts(), (text) => {
        const read = decoded(text)
        kinds.add(read.kind)
        return read.kind !== 'live' || isSpliceable(text, read)
      }),
      { numRuns: 10_000 },
    )
    expect([...kinds].toSorted()).toEqual(['corrupt', 'ended', 'live', 'moved'])
  })
})

describe('the line of a field', () => {
  test('is found by its whole name, among names that begin or end alike', () => {
    const body = bodyOf({ a: 1, ab: 2, 'a"': 3, '"a': 4, 'x,"a': 5, b: ',"a":6' })
    expect(linesOf(body).get('"a"')).toBe('1')
    expect(withLine(body, '"a"', '9')).toBe(body.replace(',"a":1\n', ',"a":9\n'))
  })

  test('is replaced where it stands, added at the end, and removed by an empty text', () => {
    const body = bodyOf({ a: 1, b: 2 })
    expect(withLine(body, '"a"', '9')).toBe(',"a":9\n,"b":2\n')
    expect(withLine(body, '"c"', '3')).toBe(',"a":1\n,"b":2\n,"c":3\n')
    expect(withLine(body, '"a"', '')).toBe(',"b":2\n')
    expect(withLine(body, '"c"', '')).toBe(body)
  })

  test('never breaks: a codec that writes line breaks is refused by the name of the field', () => {
    const pretty: Codec = { ...jsonCodec, encode: (value) => JSON.stringify(value, null, 2) }
    expect(() => encodeField('cart', { a: 1 }, pretty)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_SERIALISABLE', fields: ['cart'] }),
    )
  })
})

test('nesting counts brackets, but not those in texts', () => {
  expect(nestingOf('1')).toBe(0)
  expect(nestingOf('{"a":[[1],[2]]}')).toBe(3)
  expect(nestingOf('["[[[[", "\\"[[[["]')).toBe(1)
  expect(nestingOf('["\\\\",[["[\\\\"]]]')).toBe(3)
})

function decoded(text: string): Decoded {
  return decodeDocument(text, jsonCodec)
}

function documentOf(written: Fields, codec = jsonCodec): string {
  return encodeDocument(meta, bodyOf(written, codec))
}

function bodyOf(written: Fields, codec = jsonCodec): string {
  return Object.entries(written)
    .map(([name, value]) => lineOf(JSON.stringify(name), encodeField(name, value, codec) as string))
    .join('')
}

/** The fields without the meta line. */
function dataOf(read: Decoded): Fields {
  if (read.kind !== 'live') throw new Error(`expected a live session, not ${read.kind}`)
  return Object.fromEntries(Object.entries(read.fields).filter(([name]) => name !== '@'))
}

/** Scripts find the head, and each field by its line, which holds its value. */
function isSpliceable(text: string, read: Extract<Decoded, { kind: 'live' }>): boolean {
  const { absoluteDeadline, idleTimeout, revision } = read.meta
  const before = Math.min(read.meta.lastSeenAt + idleTimeout, absoluteDeadline) - 1
  const lines = [...linesOf(read.body)].map(([name, value]) => [
    JSON.parse(name) as string,
    JSON.parse(value) as unknown,
  ])
  return (
    liveHead(text, before)?.revision === revision &&
    isDeepStrictEqual(Object.fromEntries(lines), dataOf(read))
  )
}

function metas(): fc.Arbitrary<Meta> {
  const time = fc.nat({ max: 2 ** 45 })
  const spans = fc.record({
    revision: fc.stringMatching(/^[\w-]{1,12}$/),
    createdAt: time,
    seenAfter: time,
    idleTimeout: fc.integer({ min: 1, max: 2 ** 45 }),
    absoluteTimeout: fc.integer({ min: 2 ** 45 + 1, max: 2 ** 46 }),
    persistent: fc.boolean(),
  })
  return spans.map(({ seenAfter, absoluteTimeout, ...rest }) => ({
    ...rest,
    lastSeenAt: rest.createdAt + seenAfter,
    absoluteDeadline: rest.createdAt + absoluteTimeout,
  }))
}

function fields(): fc.Arbitrary<Fields> {
  const strange = fc.constantFrom('a', 'ab', '"', '\\', '\n', '\u2028', '😀', '\u0000', ',"a":', '')
  const text = fc.oneof(strange, fc.string({ unit: 'binary' }))
  const name = text.filter((one) => !isReserved(one))
  const value = fc.oneof(text, fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }))
  return (
    fc
      .dictionary(name, value, { noNullPrototype: true, maxKeys: 12 })
      .filter((one) => !JSON.stringify(one).includes('__proto__'))
      // -0 is written as 0, as JSON does.
      .map((one) => JSON.parse(JSON.stringify(one)) as Fields)
  )
}

/** Documents with accidents, and texts that never were any. */
function badTexts(): fc.Arbitrary<string> {
  const pieces =
    '\n|,|"|\\|{|}|[|]|:|0|-|1e3| |\t|\r\n|\u2028|\u0000|\uD800|null|"ended"|"moved"|' +
    '"@":|"@":[1]\n|,"a":1\n|,"__proto__":{}\n|\\u005f|\n,"b":[\n|{"persistent":true}|999999999999999999999'
  const piece = fc.constantFrom(...pieces.split('|'))
  const accident = fc.record({
    at: fc.nat(200),
    length: fc.nat(6),
    piece: fc.oneof(fc.constant(''), piece),
  })
  const victim = fc.oneof(
    { weight: 6, arbitrary: fields().map((one) => documentOf(one)) },
    { weight: 1, arbitrary: fc.constant(endedTombstone.document) },
    { weight: 1, arbitrary: fc.constant('{"@":["moved","abcABCDEFGHIJKLMNOPQRSTUV",5]\n}') },
  )
  const hurt = fc.tuple(victim, fc.array(accident, { maxLength: 3 })).map(([text, accidents]) =>
    accidents.reduce((whole, { at, length, piece: inserted }) => {
      const start = Math.min(at, whole.length)
      return whole.slice(0, start) + inserted + whole.slice(start + length)
    }, text),
  )
  // Line breaks are anywhere where JSON allows them, and names stand there more than once.
  const pair = fc.tuple(fc.constantFrom('a', 'b', '"'), fc.jsonValue({ maxDepth: 1 }), fc.boolean())
  const reflowed = fc
    .tuple(fc.array(pair, { maxLength: 4 }), fc.boolean(), fc.boolean())
    .map(([pairs, first, last]) => {
      const lines = pairs.map(([name, value, breaks]) => {
        const json = JSON.stringify(value)
        return `,${JSON.stringify(name)}:${json}${breaks ? '\n' : ''}`
      })
      return `${head}${first ? '\n' : ''}${lines.join('')}${last ? '\n' : ''}}`
    })
  // Line breaks within lists and objects.
  const broken = fc.tuple(fields(), fc.array(fc.boolean())).map(([one, breaks]) => {
    let at = 0
    return documentOf(one)
      .replaceAll('\n', '')
      .replaceAll(/,(?=")|\}$/g, (mark) => (breaks[at++] ? `\n${mark}` : mark))
  })
  return fc.oneof(
    { weight: 6, arbitrary: hurt },
    { weight: 2, arbitrary: reflowed },
    { weight: 2, arbitrary: broken },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  )
}
