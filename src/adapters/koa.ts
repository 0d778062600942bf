/** Sessions for Koa 2 and 3. */
import type { DefaultState, Middleware } from 'koa'
import type { SessionProperty } from '../core/session.ts'
import type { Sessions } from '../core/sessions.ts'
import { refuseForgery } from '../http/csrf-guard.ts'
import { resolveCsrf } from '../http/csrf-options.ts'
import type { CsrfOptions } from '../http/csrf-options.ts'
import { answerFailure } from '../node/failure.ts'
import { holdResponse } from '../node/held-response.ts'
import { checkedMount, sessionProperty } from '../node/property.ts'
import type { MountOptions } from '../node/property.ts'
import { headerOf, NodeRequestHead } from '../node/request.ts'

export type { MountOptions } from '../node/property.ts'

/**
 * Gives each request `ctx.session`; assigning null destroys it. A failed read or save is an error of
 * the middleware (status 503 or as its code says).
 *
 * @example
 * app.use(session(sessions))
 * app.use((ctx) => { ctx.session.views = (ctx.session.views ?? 0) + 1 })
 */
export function session<Data extends object>(
  sessions: Sessions<Data>,
  options: MountOptions = {},
): Middleware<DefaultState, SessionProperty<Data>> {
  const { lazy, property } = checkedMount(sessions, options)
  const expose = sessionProperty(property)
  return async (ctx, next) => {
    if (sessions.visitOf(ctx)) return next()
    const head = new NodeRequestHead(ctx, ctx.req, ctx.originalUrl)
    const visit = sessions.begin(head, ctx, ctx.req)
    if (!visit) return next()
    const opening = lazy ? undefined : visit.open()
    if (opening) await opening
    const { context } = ctx.app
    expose(ctx, visit, Object.getPrototypeOf(ctx) === context ? context : undefined)
    holdResponse(ctx.res, visit, (error) => {
      // Only where the response was sent past Koa, or an error response was under way already.
      ctx.app.emit('error', error, ctx)
      answerFailure(ctx.res, error)
    })
    await next()
    const saving = visit.settle()
    if (saving) await saving
  }
}

/**
 * Refuses unsafe requests that may come from a page of another site: ERR_CSRF (status 403), told by
 * the event `csrfRefused`. Mount it behind `session`, and behind the body parser where tokens come in
 * forms. Throws ERR_OPTION.
 *
 * @example
 * app.use(session(sessions))
 * app.use(bodyParser())
 * app.use(csrf(sessions, { origins: ['https://pay.example.net'] }))
 */
export function csrf<Data extends object>(
  sessions: Sessions<Data>,
  options: CsrfOptions = {},
): Middleware {
  const policy = resolveCsrf(options)
  return async (ctx, next) => {
    await refuseForgery(sessions, policy, ctx, {
      method: ctx.method,
      secure: ctx.secure,
      host: ctx.host,
      header: (name) => headerOf(ctx.req, name),
      body: () => (ctx.request as { body?: unknown }).body,
    })
    await next()
  }
}
