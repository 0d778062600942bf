/** Sessions for plain node:http, and the compatibility API of node:http2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { HandstampError } from '../core/errors.ts'
import type { Sessions } from '../core/sessions.ts'
import { answerFailure, breakOff } from '../node/failure.ts'
import { holdResponse } from '../node/held-response.ts'
import { isEncrypted, NodeRequestHead } from '../node/request.ts'

/**
 * Wraps a request listener; `sessions.getSession(request)` gives the session within. If the session
 * cannot be read or saved, and the listener does not deal with that itself, the answer has the status
 * of the error: node:http would end the process over a rejection that nobody handles.
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
): (request: Request, response: Response) => void {
  const answer = async (request: Request, response: Response): Promise<void> => {
    try {
      if (!sessions.visitOf(request))
        begin(sessions, request as IncomingMessage, response as ServerResponse)
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
  const head = new NodeRequestHead(request, request, request.url ?? '/', isEncrypted(request))
  const visit = sessions.begin(head, request)
  if (visit) holdResponse(response, visit, (error) => answerFailure(response, error))
}
