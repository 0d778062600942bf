/** What a request did to the fields that it loaded. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changesOf } from '../../../src/core/changes.ts'
import { jsonCodec } from '../../../src/core/codec.ts'
import { lineOf, linesOf } from '../../../src/core/lines.ts'
import { isReserved } from '../../../src/core/reserved.ts'
import { changesSince, isUntouched } from '../../../src/core/touched.ts'

type Fields = Record<string, unknown>
type Change = (session: Fields) => void

const fields = { id: 'u-1', cart: [{ sku: 'A-100', quantity: 2 }], none: null, count: 0 }

/** A session as it is filled: the very values that were loaded. */
function load(stored: Fields) {
  const values = structuredClone(stored)
  return {
    session: { ...values },
    loaded: { body: bodyOf(stored), fields: { '@': [1], ...values } },
  }
}

function bodyOf(values: Fields): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => lineOf(JSON.stringify(name), JSON.stringify(value)))
    .join('')
}

test('nothing, whatever it looked at', () => {
  const { session, loaded } = load(fields)
  expect(isUntouched(loaded, loaded.body, session, jsonCodec)).toBe(true)
  expect(changesSince(loaded, loaded.body, session, jsonCodec)).toEqual({
    changes: [],
    body: loaded.body,
  })
  expect(isUntouched({ body: '', fields: { '@': [1] } }, '', {}, jsonCodec)).toBe(true)
})

describe('it', () => {
  test.each<[string, Change]>([
    ['assigned', (session) => void (session['id'] = 'u-2')],
    ['assigned an equal text of another type', (session) => void (session['count'] = '0')],
    ['added', (session) => void (session['more'] = 1)],
    ['removed', (session) => void delete session['none']],
    ['removed all', (session) => Object.keys(session).forEach((name) => delete session[name])],
    [
      'changed within a field',
      (session) => void Object.assign((session['cart'] as object[])[0] ?? {}, { quantity: 3 }),
    ],
    [
      'put undefined in the place of a field',
      (session) => {
        delete session['none']
        session['other'] = undefined
      },
    ],
  ])('%s', (_what, change) => {
    const { session, loaded } = load(fields)
    change(session)
    expect(isUntouched(loaded, loaded.body, session, jsonCodec)).toBe(false)
    const { changes, body } = changesSince(loaded, loaded.body, session, jsonCodec)
    expect(new Set(changes)).toEqual(new Set(changesOf(loaded.body, session, jsonCodec).changes))
    expect(linesOf(body)).toEqual(linesOf(bodyOf(session)))
  })

  test.each<[string, Change]>([
    ['a function', (session) => void (session['toString'] = Object.prototype.toString)],
    ['a circle', (session) => void (session['cart'] as unknown[]).push(session['cart'])],
  ])('put in %s, which is refused', (_what, change) => {
    const { session, loaded } = load(fields)
    change(session)
    expect(isUntouched(loaded, loaded.body, session, jsonCodec)).toBe(false)
    expect(() => changesSince(loaded, loaded.body, session, jsonCodec)).toThrow(
      expect.objectContaining({ code: 'ERR_NOT_SERIALISABLE' }),
    )
  })

  test('did anything at all: the changes are those that a comparison of everything finds', () => {
    const value = fc
      .jsonValue({ maxDepth: 2 })
      .filter((one) => !JSON.stringify(one).includes('__proto__'))
      .map((one) => JSON.parse(JSON.stringify(one)) as unknown)
    const name = fc
      .oneof(fc.constantFrom('a', 'b', 'c', '"', ',"a":1', '\n'), fc.string())
      .filter((one) => !isReserved(one))
    const some = fc.dictionary(name, value, { maxKeys: 6, noNullPrototype: true })
    fc.assert(
      fc.property(some, some, fc.array(name), (before, assigned, removed) => {
        const { session, loaded } = load(before)
        Object.assign(session, assigned)
        for (const one of removed) delete session[one]
        const { changes, body } = changesSince(loaded, loaded.body, session, jsonCodec)
        const all = changesOf(loaded.body, session, jsonCodec)
        expect(new Set(changes)).toEqual(new Set(all.changes))
        expect(linesOf(body)).toEqual(linesOf(all.body))
        expect(isUntouched(loaded, loaded.body, session, jsonCodec) && changes.length > 0).toBe(
          false,
        )
      }),
      { numRuns: 2000 },
    )
  })
})
