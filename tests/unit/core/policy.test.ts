/** When a session ends, and when it is due for a touch. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Meta } from '../../../src/core/document.ts'
import {
  expiryOf,
  isNoteDue,
  isTouchDue,
  judge,
  touchIntervalOf,
  ttlOf,
} from '../../../src/core/policy.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Created at 0, seen at 0, idle for an hour, at most for a day. */
const meta: Meta = {
  revision: 'r',
  createdAt: 0,
  lastSeenAt: 0,
  idleTimeout: HOUR,
  absoluteDeadline: 24 * HOUR,
  persistent: false,
}

describe('a session', () => {
  test.each([
    ['lives until its idle timeout has passed', {}, HOUR - 1, 'live'],
    ['ends at the very millisecond of its idle timeout', {}, HOUR, 'idle-expired'],
    ['counts its idle timeout from when it was last seen', { lastSeenAt: HOUR }, HOUR, 'live'],
    ['lives until its absolute deadline', { lastSeenAt: 24 * HOUR - 1 }, 24 * HOUR - 1, 'live'],
    [
      'ends at its absolute deadline, however busy it is',
      { lastSeenAt: 24 * HOUR - 1 },
      24 * HOUR,
      'absolute-expired',
    ],
    [
      'that passed both limits is told to have passed the absolute one',
      {},
      25 * HOUR,
      'absolute-expired',
    ],
    ['that a faster clock saw in the future is live', { lastSeenAt: 2 * HOUR }, HOUR, 'live'],
  ] as const)('%s', (_title, change, now, judgement) => {
    expect(judge({ ...meta, ...change }, now)).toBe(judgement)
  })

  test('expires at the earlier of its two limits', () => {
    expect(expiryOf(meta)).toBe(HOUR)
    expect(expiryOf({ ...meta, lastSeenAt: 23.5 * HOUR })).toBe(24 * HOUR)
  })

  test('has a time to live of at least a millisecond, also when it is over', () => {
    expect(ttlOf(meta, HOUR - 5)).toBe(5)
    expect(ttlOf(meta, HOUR)).toBe(1)
    expect(ttlOf(meta, 90 * HOUR)).toBe(1)
  })

  test('is live exactly as long as its expiry is ahead', () => {
    fc.assert(
      fc.property(
        fc.record({
          seen: fc.nat(1e6),
          idle: fc.integer({ min: 1, max: 1e6 }),
          deadline: fc.nat(1e6),
          now: fc.nat(2e6),
        }),
        ({ seen, idle, deadline, now }) => {
          const one = { ...meta, lastSeenAt: seen, idleTimeout: idle, absoluteDeadline: deadline }
          expect(judge(one, now) === 'live').toBe(now < expiryOf(one))
          expect(ttlOf(one, now)).toBe(Math.max(1, expiryOf(one) - now))
        },
      ),
    )
  })
})

describe('a touch', () => {
  test.each([
    ['after a tenth of a long idle timeout', 24 * HOUR, 2.4 * HOUR],
    ['at most once a minute', 5 * MINUTE, MINUTE],
    ['after half of an idle timeout so short that a minute is too long', 10_000, 5000],
  ])('is due %s', (_title, idleTimeout, interval) => {
    expect(touchIntervalOf(idleTimeout)).toBe(interval)
    expect(isTouchDue({ ...meta, idleTimeout }, undefined, interval - 1)).toBe(false)
    expect(isTouchDue({ ...meta, idleTimeout }, undefined, interval)).toBe(true)
  })

  test('follows the interval that the application chose', () => {
    expect(isTouchDue(meta, 5000, 4999)).toBe(false)
    expect(isTouchDue(meta, 5000, 5000)).toBe(true)
  })

  test('comes in time for a session whose own idle timeout is shorter than the interval', () => {
    const short = { ...meta, idleTimeout: 8000 }
    expect(isTouchDue(short, 30 * MINUTE, 3999)).toBe(false)
    expect(isTouchDue(short, 30 * MINUTE, 4000)).toBe(true)
  })
})

describe('a note of who is active', () => {
  const interval = 6 * MINUTE

  test('is due once per interval for a session that writes, counted from its creation', () => {
    const bornAt = 1_234_567
    const due: number[] = []
    let one = { ...meta, createdAt: bornAt, lastSeenAt: bornAt }
    for (let now = bornAt; now <= bornAt + HOUR; now += 10_000) {
      if (isNoteDue(one, undefined, now)) due.push((now - bornAt) / interval)
      one = { ...one, lastSeenAt: now }
    }
    expect(due).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('is due whenever a touch is, and never more often than once per interval', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: HOUR }), { maxLength: 200 })
    fc.assert(
      fc.property(gaps, fc.option(fc.integer({ min: 1, max: HOUR / 2 })), (after, chosen) => {
        let now = 0
        let notes = 0
        let one = meta
        for (const gap of after) {
          now += gap
          const isDue = isNoteDue(one, chosen ?? undefined, now)
          expect(isTouchDue(one, chosen ?? undefined, now) && !isDue).toBe(false)
          if (isDue) notes++
          one = { ...one, lastSeenAt: now }
        }
        expect(notes).toBeLessThanOrEqual(now / (chosen ?? interval))
      }),
    )
  })

  test('is not due where the clock was set back', () => {
    expect(isNoteDue({ ...meta, lastSeenAt: HOUR }, undefined, 0)).toBe(false)
  })
})
