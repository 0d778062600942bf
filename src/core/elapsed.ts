/** How much time has passed, for bounds that no setting of a clock may stretch. */

/** The wall clock lies in whole milliseconds beside the monotonic one: this much less is a clock that was set back. */
const SET_BACK = 100

let offset = Date.now() - performance.now()
let ahead = 0

/**
 * Milliseconds on a clock that never runs backwards and never stands still: the monotonic one may stop
 * while the machine sleeps or is frozen, so each step that the wall clock gains on it counts; that it is
 * set back does not. Only differences mean anything.
 */
export function elapsed(): number {
  const now = performance.now()
  const gained = Date.now() - now - offset
  if (gained > 0) ahead += gained
  if (gained > 0 || gained < -SET_BACK) offset += gained
  return now + ahead
}
