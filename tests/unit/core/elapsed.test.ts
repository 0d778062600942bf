import { afterEach, expect, test, vi } from 'vitest'
import { elapsed } from '../../../src/core/elapsed.ts'

afterEach(() => void vi.restoreAllMocks())

test('goes on with whichever clock gains, and back with none', () => {
  const wall = vi.spyOn(Date, 'now')
  const monotonic = vi.spyOn(performance, 'now')
  let [wallTime, runTime] = [1_000_000, 5000]
  wall.mockImplementation(() => wallTime)
  monotonic.mockImplementation(() => runTime)
  const start = elapsed()
  const passes = (wallBy: number, runBy: number): number => {
    wallTime += wallBy
    runTime += runBy
    return elapsed() - start
  }
  expect(passes(100, 100)).toBe(100)
  // The wall clock is set back by ten minutes: nothing is lost.
  expect(passes(50 - 600_000, 50)).toBe(150)
  // Then the machine sleeps for five: the monotonic clock stood still.
  expect(passes(300_000, 0)).toBe(300_150)
  expect(passes(10, 10)).toBe(300_160)
  // Whole milliseconds beside fractions are no steps.
  for (let times = 0; times < 1000; times++) passes(1, times % 2 ? 0.4 : 1.6)
  expect(elapsed() - start).toBeGreaterThan(301_159)
  expect(elapsed() - start).toBeLessThan(301_162)
})
