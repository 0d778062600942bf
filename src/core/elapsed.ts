/** How much time has passed, for bounds that no setting of a clock may stretch. */

/** The wall clock lies in whole milliseconds beside the monotonic one: this much less is a clock that was set back. */
const SET_BACK = 100

let offset = -Infinity
let ahead = 0

/**
 * Milliseconds on a clock that never runs backwards and never stands still: the monotonic one may stop
 * while the machine sleeps or is frozen, so each step that the wall clock gains on it counts; that it is
 * set back does not. Only differences mean anything.
 */
export function elapsed(): number {
  const now = performance.now()
  const found = Date.now() - now
  if (found > offset || found < offset - SET_BACK) {
    if (found > offset && offset !== -Infinity) ahead += found - offset
    offset = found
  }
  return now + ahead
}
