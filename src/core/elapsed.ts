/** How much time has passed, for bounds that no setting of a clock may stretch. */

let ahead = -Infinity

/**
 * Milliseconds on a clock that never runs backwards and never stands still: the monotonic one may stop
 * while the machine sleeps or is frozen, the wall clock may be set back; whichever has gone further
 * counts. Only differences mean anything.
 */
export function elapsed(): number {
  const now = performance.now()
  ahead = Math.max(ahead, Date.now() - now)
  return now + ahead
}
