/** Sessions for Express 4 and 5, and Connect 3. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionProperty } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { holdResponse } from '../node/held-response.ts'
import { checkedMount, exposeSession } from '../node/property.ts'
import type { MountOptions } from '../node/property.ts'
import { isEncrypted, NodeRequestHead } from '../node/request.ts'

export type { MountOptions } from '../node/property.ts'

export type Next = (error?: unknown) => void
export type ExpressMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: Next,
) => void

/**
 * A request that carries a session, for code that leaves the types of Express alone; Express gives its
 * handlers plain requests, so it takes a cast. `sessions.getSession(req)` takes none.
 *
 * @example
 * const { session } = req as WithSession<Data, express.Request>
 */
export type WithSession<Data extends object, Request = IncomingMessage> = Request &
  SessionProperty<Data> & { readonly sessionID: string | undefined }

/**
 * Gives each request `req.session` and `req.sessionID`; assigning null destroys the session. A failed
 * read or save goes to the error handlers of the app (`error.status`).
 *
 * @example
 * app.use(session(sessions))
 * app.get('/', (req, res) => { req.session.views = (req.session.views ?? 0) + 1; res.json(req.session) })
 */
export function session<Data extends object>(
  sessions: Sessions<Data>,
  options: MountOptions = {},
): ExpressMiddleware {
  const { lazy, property } = checkedMount(sessions, options)
  return (request, response, next) => {
    const begin = (): void => {
      if (sessions.visitOf(request)) return next()
      const { originalUrl, secure } = request as { originalUrl?: string; secure?: boolean }
      const isSecure = secure ?? isEncrypted(request)
      const head = new NodeRequestHead(
        request,
        request,
        originalUrl ?? request.url ?? '/',
        isSecure,
      )
      const visit = sessions.begin(head, request)
      if (!visit) return next()
      const ready = (): void => {
        exposeSession(request, property, visit)
        Object.defineProperty(request, `${property}ID`, {
          get: () => visit.id,
          configurable: true,
        })
        holdResponse(response, visit, next)
        next()
      }
      const opening = lazy ? undefined : visit.open()
      if (opening) opening.then(ready).catch(next)
      else ready()
    }
    try {
      begin()
    } catch (error) {
      next(error)
    }
  }
}
