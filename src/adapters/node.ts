/** Sessions for plain node:http, and the compatibility API of node:http2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Sessions } from '../core/sessions.ts'
import { answerFailure } from '../node/failure.ts'
import { holdResponse } from '../node/held-response.ts'
import { isEncrypted, NodeRequestHead } from '../node/request.ts'

/**
 * Wraps a request listener; `sessions.getSession(request)` gives the session within. A failed read is
 * the rejection of `getSession`; a failed save is answered with the status of its error.
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
): (request: Request, response: Response) => Promise<void> {
  return async (request, response) => {
    if (!sessions.visitOf(request))
      begin(sessions, request as IncomingMessage, response as ServerResponse)
    await listener(request, response)
  }
}

function begin<Data extends object>(
  sessions: Sessions<Data>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const head = new NodeRequestHead(request, request, request.url ?? '/', isEncrypted(request))
  const visit = sessions.begin(head, request)
  if (visit) holdResponse(response, visit, (error) => answerFailure(response, error))
}
