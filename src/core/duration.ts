/** Durations in options: a number of milliseconds, or text such as `'30m'`. */
import { parse } from '@lukeed/ms'
import { optionError } from './errors.ts'

/** Milliseconds, or a number with a unit: `'250ms'`, `'30s'`, `'15m'`, `'2h'`, `'7d'`, `'1w'`, `'1y'`. */
export type Duration = number | `${number}${' ' | ''}${'ms' | 's' | 'm' | 'h' | 'd' | 'w' | 'y'}`

/** As the type says; by itself the parser reads '1sm' as a minute. */
const WORDS = /^\d*\.?\d+ ?(ms|[smhdwy])$/i

/** A thousand years: sums of points in time stay exact, and Redis takes them. */
const LONGEST = 1000 * 365.25 * 86_400_000

/** The duration in whole milliseconds, at least 1; throws ERR_OPTION naming the option. */
export function milliseconds(option: string, duration: Duration): number {
  const text: unknown = duration
  const value =
    typeof text === 'number'
      ? text
      : typeof text === 'string' && WORDS.test(text)
        ? parse(text)
        : undefined
  if (value === undefined || !(Math.round(value) >= 1 && value <= LONGEST)) {
    throw optionError(
      `${option} must be a positive number of milliseconds or a text such as '30m'; seconds are written '90s'.`,
    )
  }
  return Math.round(value)
}
