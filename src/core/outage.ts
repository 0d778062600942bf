/** What a request gets whose session cannot be read. */
import { answerOf } from './answer.ts'
import { decodeDocument } from './document.ts'
import type { Engine } from './engine.ts'
import { HandstampError, optionError } from './errors.ts'
import { handleOf } from './id.ts'
import type { Found } from './load.ts'
import { judge } from './policy.ts'
import type { Claim } from './transport.ts'

/**
 * `error`: the error, and with it 503. `anonymous`: an empty session that cannot be written. `stale`:
 * the session as it was last known here, or the error.
 */
export type OutagePolicy = 'error' | 'anonymous' | 'stale'

/** Gets the framework's request. */
export type OnStoreFailure = OutagePolicy | ((request: unknown) => OutagePolicy)

const POLICIES: readonly unknown[] = ['error', 'anonymous', 'stale'] satisfies OutagePolicy[]

/** Throws ERR_OPTION. */
export function checkedPolicy(option: OnStoreFailure = 'error'): OnStoreFailure {
  if (typeof option === 'function' || POLICIES.includes(option)) return option
  throw optionError("onStoreFailure must be 'error', 'anonymous', 'stale' or a function to these.")
}

/** Throws ERR_OPTION. */
export function policyFor(engine: Engine, request: unknown): OutagePolicy {
  const { onStoreFailure } = engine
  if (typeof onStoreFailure !== 'function') return onStoreFailure
  const answer = answerOf('onStoreFailure', () => onStoreFailure(request))
  if (POLICIES.includes(answer)) return answer as OutagePolicy
  throw optionError("onStoreFailure must return 'error', 'anonymous' or 'stale'.")
}

/** The store failed; whatever else went wrong is no outage. */
export function isOutage(error: unknown): error is HandstampError {
  return error instanceof HandstampError && error.code.startsWith('ERR_STORE')
}

/** Nothing is known of the session, or one that was known is within its limits still. */
export function foundWithout(
  engine: Engine,
  policy: Exclude<OutagePolicy, 'error'>,
  claim: Claim,
): Found | undefined {
  if (policy === 'anonymous') return { standing: 'none' }
  const [id] = claim.ids
  // Which one of several is live is for the store to say.
  if (id === undefined || claim.ids.length > 1) return undefined
  const handle = handleOf(id)
  const text = engine.nearCache?.peek(handle)
  const decoded = text === undefined ? undefined : decodeDocument(text, engine.codec)
  if (decoded?.kind !== 'live' || judge(decoded.meta, engine.clock.now()) !== 'live')
    return undefined
  return { standing: 'live', loaded: { handle, id, ...decoded } }
}
