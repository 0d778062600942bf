/** Sessions for handlers of the Fetch API: `Request` in, `Response` out. */
import { HandstampError, optionError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'
import type { RequestHead } from '../core/transport.ts'
import type { Visit } from '../core/visit.ts'
import { refuseForgery } from '../http/csrf-guard.ts'
import { csrfOption } from '../http/csrf-options.ts'
import type { CsrfOptions, CsrfPolicy } from '../http/csrf-options.ts'

export interface WithSessionOptions<Rest extends unknown[] = unknown[]> {
  /**
   * Refuses unsafe requests that may come from a page of another site, before the handler sees them:
   * status 403, and the event `csrfRefused`. True is the defaults; see docs/csrf.md. Default false.
   */
  readonly csrf?: CsrfOptions | boolean
  /** Where a request came from, for the list of a user's devices: a `Request` does not say. Default: unknown. */
  readonly ip?: (request: Request, ...rest: Rest) => string | undefined
}

/**
 * Wraps a handler; `sessions.getSession(request)` gives the session within. If the session cannot be
 * read or saved the answer has the status of the error and nothing of the handler's. Throws ERR_OPTION.
 *
 * @example
 * const fetch = withSession(sessions, async (request) => {
 *   const session = await sessions.getSession(request)
 *   return Response.json({ visits: await session.increment('visits') })
 * })
 */
export function withSession<Data extends object, Rest extends unknown[]>(
  sessions: Sessions<Data>,
  handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  options: WithSessionOptions<Rest> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const policy = csrfOption(options, ['csrf', 'ip'])
  const { ip } = options
  if (ip !== undefined && typeof ip !== 'function') throw optionError('ip must be a function.')
  const answer = async (request: Request, rest: Rest): Promise<Response> => {
    if (policy) await refuse(sessions, policy, request)
    return handler(request, ...rest)
  }
  return async (request, ...rest) => {
    if (sessions.visitOf(request)) return answer(request, rest)
    const head = new FetchRequestHead(request, () => ip?.(request, ...rest))
    let visit: Visit<Data> | undefined
    try {
      visit = sessions.begin(head, request)
      const response = await answer(request, rest)
      if (!visit) return response
      await visit.settle()
      return withLines(response, visit)
    } catch (error) {
      visit?.leave()
      if (!(error instanceof HandstampError)) throw error
      return failure(error)
    }
  }
}

class FetchRequestHead implements RequestHead {
  readonly source: Request
  readonly path: string
  readonly secure: boolean
  readonly #ip: () => string | undefined

  constructor(request: Request, ip: () => string | undefined) {
    const { pathname, protocol } = new URL(request.url)
    this.source = request
    this.path = pathname
    this.secure = protocol === 'https:'
    this.#ip = ip
  }

  header(name: string): string | undefined {
    return this.source.headers.get(name) ?? undefined
  }

  get ip(): string | undefined {
    return this.#ip()
  }
}

/** A body is not looked at: reading it here would leave nothing for the handler, which can ask `verifyCsrf` itself. */
function refuse<Data extends object>(
  sessions: Sessions<Data>,
  policy: CsrfPolicy,
  request: Request,
): Promise<void> | undefined {
  const { protocol, host } = new URL(request.url)
  return refuseForgery(sessions, policy, request, {
    method: request.method,
    secure: protocol === 'https:',
    host,
    header: (name) => request.headers.get(name) ?? undefined,
    body: () => undefined,
  })
}

/** Headers of redirects and of fetched responses are immutable, so they are copied where lines are to be added. */
function withLines<Data extends object>(response: Response, visit: Visit<Data>): Response {
  const lines = visit.headerLines(() => response.headers.get('cache-control') ?? undefined)
  if (lines.length === 0) return response
  const copy = new Response(response.body, response)
  for (const [name, value] of lines) {
    if (name.toLowerCase() === 'set-cookie') copy.headers.append(name, value)
    else copy.headers.set(name, value)
  }
  return copy
}

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  503: 'Service Unavailable',
}

function failure({ status }: HandstampError): Response {
  const headers = { 'Cache-Control': 'no-store', ...(status === 503 ? { 'Retry-After': '1' } : {}) }
  return new Response(STATUS_TEXTS[status] ?? 'Error', { status, headers })
}
