/** Sessions for handlers of the Fetch API: `Request` in, `Response` out. */
import { HandstampError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'
import type { RequestHead } from '../core/transport.ts'
import type { Visit } from '../core/visit.ts'

/**
 * Wraps a handler; `sessions.getSession(request)` gives the session within. If the session cannot be
 * read or saved the answer has the status of the error and nothing of the handler's.
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
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    if (sessions.visitOf(request)) return handler(request, ...rest)
    const { pathname, protocol } = new URL(request.url)
    const head: RequestHead = {
      header: (name) => request.headers.get(name) ?? undefined,
      path: pathname,
      secure: protocol === 'https:',
      source: request,
    }
    try {
      const visit = sessions.begin(head, request)
      if (!visit) return await handler(request, ...rest)
      const response = await handler(request, ...rest)
      await visit.settle()
      return withLines(response, visit)
    } catch (error) {
      if (!(error instanceof HandstampError)) throw error
      return failure(error)
    }
  }
}

/** Headers of redirects and of fetched responses are immutable, so they are copied where lines are to be added. */
function withLines<Data extends object>(response: Response, visit: Visit<Data>): Response {
  const lines = visit.headerLines(response.headers.get('cache-control') ?? undefined)
  if (lines.length === 0) return response
  const copy = new Response(response.body, response)
  for (const [name, value] of lines) {
    if (name.toLowerCase() === 'set-cookie') copy.headers.append(name, value)
    else copy.headers.set(name, value)
  }
  return copy
}

function failure({ status }: HandstampError): Response {
  const headers = { 'Cache-Control': 'no-store', ...(status === 503 ? { 'Retry-After': '1' } : {}) }
  return new Response(status === 503 ? 'Service Unavailable' : 'Error', { status, headers })
}
