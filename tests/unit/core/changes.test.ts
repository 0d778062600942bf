/** What a request changed, told from what is stored; and what cannot be stored. */
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changesOf, tooLargeError } from '../../../src/core/changes.ts'
import { jsonCodec } from '../../../src/core/codec.ts'
import type { Codec } from '../../../src/core/codec.ts'
import { lineOf, linesOf } from '../../../src/core/lines.ts'
import type { FieldChange } from '../../../src/core/store.ts'

describe('a request that changed', () => {
  test('nothing has no changes', () => {
    expect(changed({ a: 1, b: ['x'] }, () => undefined)).toEqual([])
  })

  test('one field has one change, with the text before and after', () => {
    expect(changed({ a: 1, b: 2 }, (session) => (session.a = 3))).toEqual([
      { name: '"a"', from: '1', to: '3' },
    ])
  })

  test('something deep within a field is seen', () => {
    const session = { cart: { items: [{ sku: 'A', tags: ['x'] }] } }
    const act = ({ cart }: typeof session): unknown => cart.items[0]?.tags.push('y')
    expect(changed(session, act)).toEqual([
      {
        name: '"cart"',
        from: '{"items":[{"sku":"A","tags":["x"]}]}',
        to: '{"items":[{"sku":"A","tags":["x","y"]}]}',
      },
    ])
  })

  test('a field and back has no changes', () => {
    const act = (session: Record<string, number>): void => {
      session['a'] = 2
      session['a'] = 1
    }
    expect(changed({ a: 1 }, act)).toEqual([])
  })

  test.each<[string, (session: Record<string, unknown>) => unknown]>([
    ['deleted it', (session) => delete session['a']],
    ['set it to undefined', (session) => (session['a'] = undefined)],
  ])('one field and %s removes its line', (_title, act) => {
    expect(changed<Record<string, unknown>>({ a: 1, b: 2 }, act)).toEqual([
      { name: '"a"', from: '1', to: '' },
    ])
  })

  test('the order of its fields has no changes', () => {
    const act = (session: Record<string, number>): void => {
      delete session['a']
      session['a'] = 1
    }
    expect(changed({ a: 1, b: 2 }, act)).toEqual([])
  })

  test('a field that only looks like a number keeps its place', () => {
    expect(
      changed<Record<string, unknown>>({ b: 1, 7: 'seven' }, (session) => (session['7'] = 7)),
    ).toEqual([{ name: '"7"', from: '"seven"', to: '7' }])
  })

  test('an object of a class is stored as JSON writes it, and not written again', () => {
    const at = new Date(0)
    expect(changed<Record<string, unknown>>({}, (session) => (session['at'] = at))).toEqual([
      { name: '"at"', from: '', to: '"1970-01-01T00:00:00.000Z"' },
    ])
    expect(changesOf(',"at":"1970-01-01T00:00:00.000Z"\n', { at }, jsonCodec).changes).toEqual([])
  })

  test('nothing of what another writer spelled differently has no changes', () => {
    const stored = ',"n":1.0\n,"e":1e2\n,"list":[ 1, 2 ]\n,"word":"\\u0061\\/"\n'
    const fields = { n: 1, e: 100, list: [1, 2], word: 'a/' }
    expect(changesOf(stored, fields, jsonCodec).changes).toEqual([])
    expect(changesOf(stored, { ...fields, n: 2 }, jsonCodec).changes).toEqual([
      { name: '"n"', from: '1.0', to: '2' },
    ])
  })

  test('anything at all has changes that lead from the stored fields to the new ones', () => {
    // An own key of the name __proto__ is refused, see below.
    const value = fc
      .jsonValue({ maxDepth: 2 })
      .filter((one) => !JSON.stringify(one).includes('__proto__'))
      .map((one) => JSON.parse(JSON.stringify(one)) as unknown)
    const name = fc.oneof(fc.constantFrom('a', 'b', 'c', '"', '\n'), fc.string()).filter(isUsable)
    const fields = fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true })
    fc.assert(
      fc.property(fields, fields, (before, after) => {
        const stored = bodyOf(before)
        const { changes, body } = changesOf(stored, after, jsonCodec)
        expect(body).toBe(bodyOf(after))
        expect(Object.fromEntries(applied(stored, changes))).toEqual(
          Object.fromEntries(linesOf(body)),
        )
        for (const { from, to } of changes) expect(from).not.toBe(to)
      }),
      { numRuns: 2000 },
    )
  })
})

class Money {
  readonly amount = 4111
}

const cycle: Record<string, unknown> = { secret: 'hunter2' }
cycle['hunter2'] = { hunter2: cycle }
const cycleInList: unknown[] = ['hunter2']
cycleInList.push({ back: cycleInList })
const listWithTail = Object.assign(['hunter2'], { self: {} })
listWithTail.self = listWithTail

describe('a field that holds', () => {
  test.each<[string, unknown]>([
    ['a function', () => 'hunter2'],
    ['a function within', { name: 'hunter2', run: () => undefined }],
    ['a function in a list', ['hunter2', () => undefined]],
    ['a class', Money],
    ['a symbol', Symbol('hunter2')],
    ['a symbol within', { kind: Symbol('hunter2') }],
    ['a BigInt', 4111n],
    ['a BigInt within', { card: 4111n }],
    ['a Map', new Map([['card', 'hunter2']])],
    ['a Map within', { deep: [{ cards: new Map() }] }],
    ['a Set', new Set(['hunter2'])],
    ['a Set within', [new Set()]],
    ['a cycle', cycle],
    ['a cycle through a list', cycleInList],
    ['300 objects in each other', nested(300)],
    ['100,000 lists in each other', nestedList(100_000)],
    ['__proto__', JSON.parse('{"__proto__":{"admin":true}}')],
    ['__proto__ within', JSON.parse('[{"a":{"__proto__":{"admin":true}}}]')],
  ])('%s is refused by its name, and nothing of its value is in the error', (_title, value) => {
    const error = thrownBy(() => changesOf('', { fine: 1, card: value }, jsonCodec))
    expect(error).toMatchObject({ code: 'ERR_NOT_SERIALISABLE', fields: ['card'] })
    expect(error.message).toContain("'card'")
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/hunter2|4111|admin/)
  })

  test('a value of another realm is refused in the same way', () => {
    const stranger: unknown = runInNewContext('const a = { secret: "hunter2" }; a.self = a; a')
    const error = thrownBy(() => changesOf('', { card: stranger }, jsonCodec))
    expect(error).toMatchObject({ code: 'ERR_NOT_SERIALISABLE', fields: ['card'] })
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2')
  })

  test('what JSON leaves out of a list is no obstacle, not even in a circle', () => {
    expect(changesOf('', { list: listWithTail }, jsonCodec).changes).toEqual([
      { name: '"list"', from: '', to: '["hunter2"]' },
    ])
  })

  test.each<[string, unknown]>([
    ['an object with toJSON', { toJSON: () => 'text', cards: new Map() }],
    ['a Date', new Date(5)],
    ['250 objects in each other', nested(250)],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['the same object twice', [Money.prototype, Money.prototype]],
    ['undefined within, which JSON leaves out', { a: undefined }],
    ['a text about __proto__', '__proto__'],
  ])('%s is stored', (_title, value) => {
    expect(changesOf('', { a: value }, jsonCodec).changes).toEqual([
      { name: '"a"', from: '', to: JSON.stringify(value) },
    ])
  })

  test('a Map is stored by a codec that knows it', () => {
    const codec: Codec = {
      encode: (value) => JSON.stringify(value instanceof Map ? { $map: [...value] } : value),
      decode: (text) => {
        const value = JSON.parse(text) as { $map?: [string, unknown][] }
        return value.$map ? new Map(value.$map) : value
      },
    }
    const { changes } = changesOf('', { m: new Map([['a', 1]]) }, codec)
    expect(changes).toEqual([{ name: '"m"', from: '', to: '{"$map":[["a",1]]}' }])
    const [change] = changes
    expect(changesOf(`,"m":${change?.to}\n`, { m: new Map([['a', 1]]) }, codec).changes).toEqual([])
  })

  test('what a codec cannot write is refused with what the codec said', () => {
    const codec: Codec = {
      ...jsonCodec,
      encode: () => {
        throw new RangeError('no')
      },
    }
    expect(thrownBy(() => changesOf('', { a: 1 }, codec))).toMatchObject({
      code: 'ERR_NOT_SERIALISABLE',
      fields: ['a'],
    })
  })
})

test.each(['save', 'regenerate', 'signIn', 'meta', '@', '__proto__'])(
  'a field named %s is refused, however it got there',
  (name) => {
    const fields = Object.defineProperty({ fine: 1 }, name, { value: 1, enumerable: true })
    expect(thrownBy(() => changesOf('', fields, jsonCodec))).toMatchObject({
      code: 'ERR_RESERVED_NAME',
      fields: [name],
    })
  },
)

test('a session that is too large names its three largest fields, not what they hold', () => {
  const fields = { s: 'x', m: 'y'.repeat(50), l: 'z'.repeat(500), n: 5, xl: 'w'.repeat(5000) }
  const error = tooLargeError(6000, 4096, fields, jsonCodec)
  expect(error).toMatchObject({ code: 'ERR_TOO_LARGE', fields: ['xl', 'l', 'm'] })
  expect(error.message).toContain('6000 bytes, over the limit of 4096 bytes (maxBytes)')
  expect(error.message).toContain("'xl' (5002 B), 'l' (502 B), 'm' (52 B)")
  expect(inspect(error)).not.toMatch(/www|zzz|yyy/)
})

/** What a request changed that found these fields in the store. */
function changed<Fields extends Record<string, unknown>>(
  stored: Fields,
  act: (session: Fields) => unknown,
): readonly FieldChange[] {
  const session = structuredClone(stored)
  act(session)
  return changesOf(bodyOf(stored), session, jsonCodec).changes
}

function bodyOf(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .map(([name, value]) => lineOf(JSON.stringify(name), JSON.stringify(value)))
    .join('')
}

function applied(body: string, changes: readonly FieldChange[]): Map<string, string> {
  const lines = linesOf(body)
  for (const { name, from, to } of changes) {
    expect(lines.get(name) ?? '').toBe(from)
    if (to === '') lines.delete(name)
    else lines.set(name, to)
  }
  return lines
}

function isUsable(name: string): boolean {
  return !['@', '__proto__', 'meta', 'save', 'take'].includes(name)
}

function nested(depth: number): object {
  let value = {}
  for (let level = 1; level < depth; level++) value = { v: value }
  return value
}

function nestedList(depth: number): unknown[] {
  let value: unknown[] = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

function thrownBy(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}
