/** The drop-in for connect-redis-sessions: sessions of redis-sessions as `req.session` of Express and Connect. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdResponse } from '../node/held-response.ts'
import { namedError } from './connect-redis-sessions/errors.ts'
import { SessionHandler } from './connect-redis-sessions/handler.ts'
import type { ConnectRedisSessionsOptions } from './connect-redis-sessions/handler.ts'
import type { SessionRequest } from './connect-redis-sessions/request.ts'
import { RequestVisit } from './connect-redis-sessions/visit.ts'
import { ValidationError } from './redis-sessions/validate.ts'

export type { CookieOptions } from './connect-redis-sessions/cookie.ts'
export type { Attributes, Meta, SavedSession } from './connect-redis-sessions/data.ts'
export type {
  AppOfRequest,
  ConnectRedisSessionsOptions,
  SessionHandler,
} from './connect-redis-sessions/handler.ts'
export type { SessionRequest } from './connect-redis-sessions/request.ts'
export type { SessionObject } from './connect-redis-sessions/session.ts'

export interface ConnectRedisSessionsMiddleware {
  // Not a SessionRequest: other packages may have given its properties other types.
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void
  readonly handler: SessionHandler
}

/**
 * Middleware for Express 4 and 5 and Connect; cookie-parser comes before it. Throws an error named
 * `no-app-defined`.
 *
 * Where Redis fails, whoever has brought a token gets an error (status 503), not an empty session;
 * visitors without one are served.
 *
 * @example
 * app.use(cookieParser())
 * app.use(ConnectRedisSessions({ app: 'forum' }))
 */
function ConnectRedisSessions(
  options: ConnectRedisSessionsOptions,
): ConnectRedisSessionsMiddleware {
  const handler = new SessionHandler(options)
  const middleware = (
    request: SessionRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void => {
    request.res ??= response
    if (request.session) return next()
    const url = request.originalUrl ?? request.url ?? '/'
    if (!url.startsWith(handler.cookie.path || '/')) return next()
    handler.getApp(request, (error, app) => {
      if (error) return next(error)
      if (!request.cookies) return next(namedError('cookies-disabled'))
      begin(handler, request, response, next, app)
    })
  }
  return Object.assign(middleware, { handler })
}

function begin(
  handler: SessionHandler,
  request: SessionRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
  app: string | null | undefined,
): void {
  Object.assign(request, { _appname: app })
  const visit = new RequestVisit(handler, request, app ?? '')
  const ready = (): void => {
    const { session, token: _originalId } = visit
    Object.assign(request, { session, _originalHash: session.hash(), _originalId })
    holdResponse(response, visit, next)
    next()
  }
  const token = app ? request.cookies?.[app] : undefined
  if (!app || !token || typeof token !== 'string') {
    handler.log('no token')
    return ready()
  }
  handler.rds
    .get({ app, token })
    .then(
      (session) => {
        handler.log(session ? 'session found' : 'no session for this token')
        if (session) visit.found(token, session)
      },
      (error: unknown) => {
        // It cannot be a token of ours, or the app has none.
        if (!(error instanceof ValidationError)) throw error
      },
    )
    .then(ready)
    .catch(next)
}

export { ConnectRedisSessions as default, ConnectRedisSessions as 'module.exports' }
