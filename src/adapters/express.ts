/** Sessions for Express 4 and 5, and Connect 3. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionProperty } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { refuseForgery } from '../http/csrf-guard.ts'
import { resolveCsrf } from '../http/csrf-options.ts'
import type { CsrfOptions } from '../http/csrf-options.ts'
import { holdResponse } from '../node/held-response.ts'
import { checkedMount, sessionProperty } from '../node/property.ts'
import type { MountOptions } from '../node/property.ts'
import { headerOf, hostOf, isSecure, NodeRequestHead } from '../node/request.ts'

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
  const expose = sessionProperty(sessions, property, `${property}ID`)
  return (request, response, next) => {
    const begin = (): void => {
      if (sessions.visitOf(request)) return next()
      const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
      const head = new NodeRequestHead(request, request, url)
      const visit = sessions.begin(head, request)
      if (!visit) return next()
      const ready = (): void => {
        const app = outermostApp(request)
        expose(request, app?.request)
        holdResponse(response, visit, next, app?.response)
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

/**
 * Refuses unsafe requests that may come from a page of another site: ERR_CSRF (status 403) goes to the
 * error handlers of the app, and the event `csrfRefused` is told. Mount it behind `session`, and
 * behind the body parser where tokens come in forms. Throws ERR_OPTION.
 *
 * @example
 * app.use(session(sessions))
 * app.use(express.urlencoded())
 * app.use(csrf(sessions, { origins: ['https://pay.example.net'] }))
 */
export function csrf<Data extends object>(
  sessions: Sessions<Data>,
  options: CsrfOptions = {},
): ExpressMiddleware {
  const policy = resolveCsrf(options)
  return (request, _response, next) => {
    try {
      const checking = refuseForgery(sessions, policy, request, {
        method: request.method ?? '',
        secure: isSecure(request, request),
        host: publicHostOf(request),
        header: (name) => headerOf(request, name),
        body: () => (request as { body?: unknown }).body,
      })
      if (checking) checking.then(() => next()).catch(next)
      else next()
    } catch (error) {
      next(error)
    }
  }
}

interface App {
  readonly parent?: App
  readonly request: object
  readonly response: object
}

/**
 * Express lends requests and responses its prototypes, those of the outermost app to all. On a request
 * itself each new property is slow, because Express changes the prototype of every one (V8 then shares
 * nothing between them). Undefined on Connect.
 */
function outermostApp(request: IncomingMessage): App | undefined {
  let { app } = request as { app?: App }
  while (app?.parent) app = app.parent
  return app && Object.prototype.isPrototypeOf.call(app.request, request) ? app : undefined
}

/** As Express' own `hostname` has it, but with the port, which Express 4 cuts off. */
function publicHostOf(request: IncomingMessage): string | undefined {
  const { app } = request as { app?: { get?(setting: string): unknown } }
  const trusts = app?.get?.('trust proxy fn')
  const forwarded = headerOf(request, 'x-forwarded-host')?.split(',')[0]?.trim()
  const isTrusted = typeof trusts === 'function' && trusts(request.socket.remoteAddress, 0) === true
  return isTrusted && forwarded ? forwarded : hostOf(request)
}
