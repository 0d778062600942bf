/** A clock that stands still until a test turns it. */
import type { Clock } from '../../src/core/clock.ts'

export interface FakeClock extends Clock {
  advance(milliseconds: number): void
}

/** Starts on a Monday morning. */
export function fakeClock(start = Date.UTC(2026, 0, 5, 9)): FakeClock {
  let now = start
  return {
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds
    },
  }
}
