/** Durations in options, as numbers and as words. */
import { describe, expect, test } from 'vitest'
import { milliseconds } from '../../../src/core/duration.ts'
import type { Duration } from '../../../src/core/duration.ts'

describe('a duration', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['1y', 31_557_600_000],
    ['1.5h', 5_400_000],
    ['.5h', 1_800_000],
    ['30 m', 1_800_000],
    ['30M', 1_800_000],
  ])('%s is %d milliseconds', (text, expected) => {
    expect(milliseconds('idleTimeout', text as Duration)).toBe(expected)
  })

  test('as a number is milliseconds, rounded to whole ones', () => {
    expect(milliseconds('idleTimeout', 1)).toBe(1)
    expect(milliseconds('idleTimeout', 1500.4)).toBe(1500)
  })

  test.each<[unknown]>([
    [''],
    [' '],
    ['soon'],
    ['m'],
    ['60'],
    ['3600000'],
    ['1h30m'],
    ['1h 30m'],
    ['-1m'],
    ['- 1m'],
    ['0s'],
    ['0.1ms'],
    ['1e3s'],
    ['0x10s'],
    ['1_000s'],
    ['1,5h'],
    ['30m '],
    [' 30m'],
    ['30m\n'],
    ['30 fortnights'],
    ['1sm'],
    ['1mh'],
    ['1msh'],
    ['Infinity s'],
    ['2000y'],
    [`${'9'.repeat(400)}s`],
    [0],
    [-1],
    [0.4],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [Number.MAX_SAFE_INTEGER],
    [10n],
    [true],
    [null],
    [undefined],
    [{}],
    [[]],
    [['30m']],
    [new Date()],
  ])('written as %o is refused, with the name of the option', (wrong) => {
    const refused = expect.objectContaining({
      code: 'ERR_OPTION',
      message: expect.stringMatching(/^idleTimeout must be .*'30m'/),
    })
    expect(() => milliseconds('idleTimeout', wrong as Duration)).toThrow(refused)
  })
})
