/** Whether the user has proved who they are lately enough for what they are about to do. */
import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { notConfirmedError, notFreshError, notSignedInError } from './errors.ts'
import type { WorkingCopy } from './working-copy.ts'

/**
 * Throws ERR_NOT_SIGNED_IN, ERR_NOT_FRESH, ERR_STORE* in an outage; with a near cache ERR_NOT_CONFIRMED where the store was not
 * asked within this request, hit or not, so that the missing reload is found at the first try.
 */
export function requireFresh(copy: WorkingCopy, maxAge: Duration): void {
  const { signIn } = copy.meta()
  const limit = milliseconds('maxAge', maxAge)
  // What was known some time ago is not enough, and nothing known is not "nobody signed in".
  const failure = copy.unread ?? copy.stale
  if (failure) throw failure
  if (!signIn) throw notSignedInError()
  if (copy.engine.nearCache && !copy.isConfirmed) throw notConfirmedError()
  if (copy.engine.clock.now() - signIn.at > limit) throw notFreshError()
}
