/** For how long is a session kept, given what a middleware says of it? */

/** Far beyond any session, and exact as a number; Redis takes it. */
const LONGEST = Number.MAX_SAFE_INTEGER

/**
 * Whole milliseconds; 0 where the session has ended already. A number written as text is milliseconds
 * too, as the documented unit of `ttl` is. Nothing, 'session' (a browser session of koa-session) and
 * whatever else is no number gets `otherwise`.
 *
 * @example expiryOf(250.5, 86_400_000) // 251
 */
export function expiryOf(ttl: unknown, otherwise: number): number {
  const wanted = typeof ttl === 'string' && ttl.trim() !== '' ? Number(ttl) : ttl
  if (typeof wanted !== 'number') return otherwise
  if (wanted <= 0) return 0
  return Number.isFinite(wanted) ? Math.min(Math.ceil(wanted), LONGEST) : otherwise
}
