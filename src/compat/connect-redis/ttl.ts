/** How many seconds does the record of a session live from now on? */
import type { SessionCookie } from './options.ts'

const ONE_DAY = 86_400
/** Redis refuses an expiry that is too far away, or too long ago; a hundred years. */
const LONGEST = 3_153_600_000

/**
 * Whole seconds, 0 or less for a session that is over. The first that says something decides: `given`
 * by the application's function, the cookie, the option `ttl`, one day.
 */
export function secondsToLive(
  given: unknown,
  cookie: SessionCookie | null | undefined,
  ttl: unknown,
  now: number,
): number {
  if (typeof given === 'number' && Number.isFinite(given)) return whole(given)
  const end = cookie?.expires ? new Date(cookie.expires).getTime() : Number.NaN
  if (Number.isNaN(end)) return presetSeconds(ttl) ?? ONE_DAY
  if (end > now) return whole((end - now) / 1000)
  // touch() moves the end of the key only, so the date within a record that is alive may have passed.
  // An application that ends a cookie has its maximum age negative or 0.
  return presetSeconds((cookie?.originalMaxAge ?? 0) / 1000) ?? 0
}

/** Of a number above 0, also as text; undefined for all else. */
export function presetSeconds(ttl: unknown): number | undefined {
  const seconds = typeof ttl === 'string' ? Number(ttl) : ttl
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds <= 0) return undefined
  return whole(seconds)
}

function whole(seconds: number): number {
  return Math.max(Math.min(Math.ceil(seconds), LONGEST), -LONGEST)
}
