import fc from 'fast-check'
import { expect, test } from 'vitest'
import { violationsOf } from './history.js'
import type { Operation } from './history.js'

const start: Operation = { session: 's', kind: 'write', value: 0, begin: 0, end: 1 }

function write(value: number, begin: number, end: number, session = 's'): Operation {
  return { session, kind: 'write', value, begin, end }
}

function read(value: number, begin: number, end: number, session = 's'): Operation {
  return { session, kind: 'read', value, begin, end }
}

test.each<[string, Operation[]]>([
  ['a lost write', [write(1, 2, 3), read(0, 4, 5)]],
  ['a value that comes back', [write(1, 2, 3), read(1, 4, 5), read(0, 6, 7), read(1, 8, 9)]],
  ['a read of the future', [read(1, 2, 3), write(1, 4, 5)]],
  ['a value out of nowhere', [read(7, 2, 3)]],
  ['a write that hides another one', [write(1, 2, 3), write(2, 4, 5), read(1, 6, 7)]],
  ['two readers who disagree', [write(1, 2, 9), read(1, 3, 4), read(0, 5, 6)]],
  ['a failed write seen, then not', [write(1, 2, Infinity), read(1, 3, 4), read(0, 5, 6)]],
])('%s is found', (_, operations) => {
  expect(violationsOf([start, ...operations])).toHaveLength(1)
})

test.each<[string, Operation[]]>([
  ['writes at once, in either order', [write(1, 2, 9), write(2, 3, 8), read(1, 10, 11)]],
  ['a failed write that nobody saw', [write(1, 2, Infinity), read(0, 5, 6)]],
  ['a failed write that took effect late', [write(1, 2, Infinity), read(0, 5, 6), read(1, 8, 9)]],
  ['a write between two reads', [read(0, 2, 6), write(1, 3, 8), read(1, 5, 7)]],
  ['another session', [write(1, 2, 3), write(0, 0, 1, 'b'), read(0, 4, 5, 'b')]],
])('%s is no violation', (_, operations) => {
  expect(violationsOf([start, ...operations])).toEqual([])
})

/** The definition itself: some order, that keeps what was before what, explains every read. */
function isLinearizable(left: Operation[], value: number): boolean {
  if (left.every(({ end }) => end === Infinity)) return true
  const first = Math.min(...left.map(({ end }) => end))
  return left.some((operation) => {
    if (operation.begin > first) return false
    if (operation.kind === 'read' && operation.value !== value) return false
    const next = operation.kind === 'write' ? operation.value : value
    return isLinearizable(
      left.filter((other) => other !== operation),
      next,
    )
  })
}

test('the verdict is that of trying all orders', () => {
  const span = fc.tuple(fc.integer({ min: 2, max: 30 }), fc.integer({ min: 1, max: 12 }))
  const writes = fc.array(fc.tuple(span, fc.boolean()), { maxLength: 3 })
  const reads = fc.array(fc.tuple(span, fc.integer({ min: 0, max: 3 })), { maxLength: 4 })
  let violations = 0
  fc.assert(
    fc.property(writes, reads, (writing, reading) => {
      // Instants are halves, so that no begin falls together with an end.
      const operations = [
        start,
        ...writing.map(([[begin, length], isKnown], at) =>
          write(at + 1, begin, isKnown ? begin + length + 0.5 : Infinity),
        ),
        ...reading
          .filter(([, value]) => value <= writing.length)
          .map(([[begin, length], value]) => read(value, begin, begin + length + 0.5)),
      ]
      const isFound = violationsOf(operations).length > 0
      if (isFound) violations++
      expect(isFound).toBe(!isLinearizable(operations, -1))
    }),
    { numRuns: 2000 },
  )
  expect(violations).toBeGreaterThan(100)
})
