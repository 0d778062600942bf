/** Sessions for plain node:http, and the compatibility API of node:http2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { HandstampError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'
import { refuseForgery } from '../http/csrf-guard.ts'
import { csrfOption } from '../http/csrf-options.ts'
import type { CsrfOptions, CsrfPolicy } from '../http/csrf-options.ts'
import { answerFailure, breakOff } from '../node/failure.ts'
import { holdResponse } from '../node/held-response.ts'
import { headerOf, hostOf, isEncrypted, NodeRequestHead } from '../node/request.ts'

export interface WithSessionOptions {
  /**
   * Refuses unsafe requests that may come from a page of another site, before the listener sees them:
   * status 403, and the event `csrfRefused`. True is the defaults; see docs/csrf.md. Default false.
   */
  readonly csrf?: CsrfOptions | boolean
}

/**
 * Wraps a request listener; `sessions.getSession(request)` gives the session within. If the session
 * cannot be read or saved, and the listener does not deal with that itself, the answer has the status
 * of the error: node:http would end the process over a rejection that nobody handles. Throws
 * ERR_OPTION.
 *
 * @example
 * createServer(withSession(sessions, async (request, response) => {
 *   const session = await sessions.getSession(request)
 *   response.end(`visit ${await session.increment('visits')}`)
 * }))
 */
export function withSession<
  Data extends object,
  Request extends IncomingMessage | Http2ServerRequest,
  Response extends ServerResponse | Http2ServerResponse,
>(
  sessions: Sessions<Data>,
  listener: (request: Request, response: Response) => unknown,
  options: WithSessionOptions = {},
): (request: Request, response: Response) => void {
  const policy = csrfOption(options, ['csrf'])
  const answer = async (request: Request, response: Response): Promise<void> => {
    try {
      if (!sessions.visitOf(request))
        begin(sessions, request as IncomingMessage, response as ServerResponse)
      const checking = policy && refuse(sessions, policy, request as IncomingMessage)
      if (checking) await checking
      await listener(request, response)
    } catch (error) {
      if (!(error instanceof HandstampError)) throw error
      // An answer that is complete stands or falls with its save.
      if (response.writableEnded) return
      if (response.headersSent) breakOff(response as ServerResponse)
      else answerFailure(response as ServerResponse, error)
    }
  }
  return (request, response) => void answer(request, response)
}

function begin<Data extends object>(
  sessions: Sessions<Data>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const head = new NodeRequestHead(request, request, request.url ?? '/')
  const visit = sessions.begin(head, request)
  if (visit) holdResponse(response, visit, (error) => answerFailure(response, error))
}

function refuse<Data extends object>(
  sessions: Sessions<Data>,
  policy: CsrfPolicy,
  request: IncomingMessage,
): Promise<void> | undefined {
  return refuseForgery(sessions, policy, request, {
    method: request.method ?? '',
    secure: isEncrypted(request),
    host: hostOf(request),
    header: (name) => headerOf(request, name),
    body: () => (request as { body?: unknown }).body,
  })
}
