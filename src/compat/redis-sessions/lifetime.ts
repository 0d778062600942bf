/** How long keys of redis-sessions live, in seconds. When a session is over is in its record. */

/**
 * How much longer than its session a key lives: servers that still run the original use sessions
 * without moving the expiry of keys.
 */
export const GRACE = 86_400

/** How long an index is kept at least: it may name sessions that only the original has seen. */
export const UNKNOWN: number = 30 * 86_400

/** Redis refuses an expiry that is too far away; a hundred years. */
const LONGEST = 3_153_600_000

/** Of what belongs to a session that ends in `left` seconds. */
export function lifetimeOf(left: number): number {
  return Math.min(left + 1 + GRACE, LONGEST)
}

/** Seconds since 1970. */
export function seconds(): number {
  return Math.floor(Date.now() / 1000)
}
