/** A clock that stands still until the test turns it. */
import type { Clock } from '../../src/core/clock.ts'

export interface FakeClock extends Clock {
  advance(milliseconds: number): void
}

export function fakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start
  return {
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds
    },
  }
}
