/** How long is a lifetime that was given as a number of milliseconds or as text? */
import { optionError } from '../../core/errors.ts'

/** Milliseconds, or text such as `'30m'`; without one the option `maxAge` holds. */
export type MaxAge = number | string | null | undefined

const SECOND = 1000
const DAY = 86_400 * SECOND

/** The texts that the original takes: `'90'`, `'30m'`, `'1.5 hours'`, `'28 days'`, `'-1 week'`, `'1 yr'`. */
const TEXT =
  /^(-?\d*\.?\d+) *(?:(milliseconds?|msecs?|ms)|(seconds?|secs?|s)|(minutes?|mins?|m)|(hours?|hrs?|h)|(days?|d)|(weeks?|w)|(years?|yrs?|y))?$/i

const UNITS = [1, SECOND, 60 * SECOND, 3600 * SECOND, DAY, 7 * DAY, 365.25 * DAY]

/** Milliseconds; undefined for what is no lifetime. */
export function msOf(maxAge: unknown): number | undefined {
  if (typeof maxAge === 'number') return maxAge
  const [, amount, ...units] = (typeof maxAge === 'string' && TEXT.exec(maxAge)) || []
  if (amount === undefined) return undefined
  return Number(amount) * (UNITS[units.findIndex((unit) => unit !== undefined)] ?? 1)
}

/** Whole milliseconds; throws ERR_OPTION. */
export function lifetimeOf(milliseconds: number | undefined): number {
  const lifetime = Math.ceil(milliseconds ?? 0)
  if (lifetime >= 1 && Number.isSafeInteger(lifetime)) return lifetime
  throw optionError("maxAge must be a positive number of milliseconds or a text such as '28 days'.")
}
