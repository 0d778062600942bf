/** Sessions for Express 4 and 5, and Connect 3. */
import { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionProperty } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { refuseForgery } from '../http/csrf-guard.ts'
import { resolveCsrf } from '../http/csrf-options.ts'
import type { CsrfOptions } from '../http/csrf-options.ts'
import { holdResponse } from '../node/held-response.ts'
import { checkedMount, sessionProperty } from '../node/property.ts'
import type { MountOptions } from '../node/property.ts'
import { isStranded } from '../node/senders.ts'
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
  const expose = sessionProperty(property, `${property}ID`)
  return (request, response, next) => {
    const begin = (): void => {
      const known = sessions.visitOf(request)
      if (known) {
        // An app of another copy of Express has taken the request to prototypes of its own.
        if (isStranded(response)) {
          if (!(property in request)) expose(request, known, undefined)
          holdResponse(response, known, next)
        }
        return next()
      }
      const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/'
      const head = new NodeRequestHead(request, request, url)
      const visit = sessions.begin(head, request)
      if (!visit) return next()
      const ready = (): void => {
        const home = homeOf(request)
        expose(request, visit, home?.request)
        holdResponse(response, visit, next, home?.response)
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

/** The prototypes that Express lends to the requests and responses of an app. */
interface Lent {
  readonly request: object
  readonly response: object
}

/** What all apps of this copy of Express lend in the end, by app; undefined where it is none of node:http. */
const homes = new WeakMap<object, Lent | undefined>()

/**
 * On a request itself each new property is slow, because Express changes the prototype of every one (V8
 * then shares nothing between them). An app within may change it once more, to one of its own; what
 * stands behind the prototypes of all apps stays. Undefined on Connect.
 */
function homeOf(request: IncomingMessage): Lent | undefined {
  const { app } = request as { app?: Lent }
  if (!app || !Object.prototype.isPrototypeOf.call(app.request, request)) return undefined
  if (homes.has(app)) return homes.get(app)
  const own = {
    request: lastBefore(IncomingMessage.prototype, app.request),
    response: lastBefore(ServerResponse.prototype, app.response),
  }
  const home = own.request && own.response ? (own as Lent) : undefined
  homes.set(app, home)
  return home
}

/** The one of a chain of prototypes that stands before its end. */
function lastBefore(end: object, first: object): object | undefined {
  let prototype = first
  for (;;) {
    const next = Object.getPrototypeOf(prototype) as object | null
    if (next === end) return prototype
    if (!next) return undefined
    prototype = next
  }
}

/** As Express' own `hostname` has it, but with the port, which Express 4 cuts off. */
function publicHostOf(request: IncomingMessage): string | undefined {
  const { app } = request as { app?: { get?(setting: string): unknown } }
  const trusts = app?.get?.('trust proxy fn')
  const forwarded = headerOf(request, 'x-forwarded-host')?.split(',')[0]?.trim()
  const isTrusted = typeof trusts === 'function' && trusts(request.socket.remoteAddress, 0) === true
  return isTrusted && forwarded ? forwarded : hostOf(request)
}
