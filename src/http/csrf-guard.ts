/** Refuses requests that may come from another site's page: asks the decision, checks the token, tells. */
import { HandstampError } from '../core/errors.ts'
import type { CsrfReason } from '../core/events.ts'
import type { Sessions } from '../core/sessions.ts'
import { judgeCsrf, ownOrigin } from './csrf.ts'
import type { CsrfPolicy } from './csrf-options.ts'

/** A request as the adapters show it. */
export interface CsrfRequest {
  readonly method: string
  /** Whether the client spoke TLS, as far as the framework can tell. */
  readonly secure: boolean
  /** The host that the client addressed, port included, as far as the framework believes it. */
  readonly host: string | undefined
  header(name: string): string | undefined
  /** What a body parser left; asked for only where a token is needed. */
  body(): unknown
}

/**
 * Throws, or rejects with, ERR_CSRF; a promise only where the session has to be loaded for a token,
 * and then ERR_STORE and ERR_STORE_TIMEOUT are possible as well.
 */
export function refuseForgery<Data extends object>(
  sessions: Sessions<Data>,
  policy: CsrfPolicy,
  carrier: object,
  request: CsrfRequest,
): Promise<void> | undefined {
  const verdict = judgeCsrf(policy, {
    method: request.method,
    fetchSite: request.header('sec-fetch-site'),
    origin: request.header('origin'),
    referer: request.header('referer'),
    own: ownOrigin(request.secure, request.host),
  })
  if (verdict === 'pass') return undefined
  if (verdict !== 'needs-token') throw refusal(sessions, verdict)
  return checkToken(sessions, policy, carrier, request)
}

async function checkToken<Data extends object>(
  sessions: Sessions<Data>,
  policy: CsrfPolicy,
  carrier: object,
  request: CsrfRequest,
): Promise<void> {
  const token = request.header(policy.header) || fieldOf(request.body(), policy.field)
  if (token === undefined || token === null || token === '')
    throw refusal(sessions, 'token-missing')
  const session = await sessions.visitOf(carrier)?.load()
  if (!session) throw refusal(sessions, 'no-session')
  if (!session.verifyCsrf(token)) throw refusal(sessions, 'token-invalid')
}

/** Never the query: a URL ends up in logs, histories and Referer headers. */
function fieldOf(body: unknown, field: string): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, field) : undefined
}

const FOREIGN =
  'if it comes from a page of yours, list its origin in csrf.origins; behind a proxy that ends TLS or ' +
  'rewrites Host, set the trust of the framework or list the public origin.'
const TOKEN =
  'give the page `await session.csrfToken()`, and let it send that as x-csrf-token or in the body as _csrf, ' +
  'within the same session (a sign-in ends older tokens).'

const REMEDY = {
  'cross-site': FOREIGN,
  'same-site': FOREIGN,
  'fetch-site': 'Sec-Fetch-Site is none of the four values that browsers send.',
  origin: FOREIGN,
  referer: FOREIGN,
  'token-missing': TOKEN,
  'token-invalid': TOKEN,
  'no-session': 'mount the session before csrf, on a path that the cookie covers.',
} as const satisfies Record<CsrfReason, string>

/** Says nothing of what the request held: header and token are the sender's text. */
function refusal<Data extends object>(
  sessions: Sessions<Data>,
  reason: CsrfReason,
): HandstampError {
  sessions.events.tell('csrfRefused', { reason })
  return new HandstampError(
    'ERR_CSRF',
    `Refused as a possible request of another site (${reason}): ${REMEDY[reason]}`,
  )
}
