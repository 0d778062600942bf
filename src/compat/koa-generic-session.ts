/** Sessions for Koa 2 and 3 over any store: in place of koa-generic-session. */
import { covers } from '../http/path.ts'
import type { DeferredContext, SessionContext } from './koa-generic-session/context.ts'
import { MemoryStore } from './koa-generic-session/memory-store.ts'
import { resolve } from './koa-generic-session/options.ts'
import type { SessionOptions } from './koa-generic-session/options.ts'
import type { Session } from './koa-generic-session/session.ts'
import { Visit } from './koa-generic-session/visit.ts'
import type { VisitContext } from './koa-generic-session/visit.ts'

export type {
  CommonContext,
  DeferredContext,
  KoaContext,
  SessionContext,
} from './koa-generic-session/context.ts'
export type { SessionOptions } from './koa-generic-session/options.ts'
export type { SessionIdStore } from './koa-generic-session/session-id.ts'
export type { Session, SessionCookie } from './koa-generic-session/session.ts'
export type { SessionStore, StoreClient, Write } from './koa-generic-session/store.ts'

/** A middleware of Koa; what it adds to the context is in its type. */
export type SessionMiddleware<Added> = (ctx: Added, next: () => Promise<unknown>) => Promise<void>

/**
 * Makes the middleware. What the store fails with at a read or save goes to `errorHandler`, which
 * throws it by default; other errors reject.
 *
 * @example
 * app.keys = ['a secret']
 * app.use(session({ store: redisStore() }))
 * app.use((ctx) => { ctx.session.views = (ctx.session.views ?? 0) + 1 })
 */
export interface SessionFactory {
  <Data extends object = Record<string, unknown>>(
    options: SessionOptions<Data> & { defer: true },
  ): SessionMiddleware<DeferredContext<Data>>
  <Data extends object = Record<string, unknown>>(
    options?: SessionOptions<Data> & { defer?: false | undefined },
  ): SessionMiddleware<SessionContext<Data>>
  readonly MemoryStore: typeof MemoryStore
}

type Context = VisitContext & { session?: unknown }

/** Marks a context that has its session; to read `ctx.session` instead would load it in defer mode. */
const DEFINED = '__isSessionDefined'

function create(options: SessionOptions = {}): SessionMiddleware<Context> {
  const settings = resolve(options)
  const defer = Boolean(options.defer)

  return async function session(ctx, next) {
    Object.assign(ctx, { sessionStore: settings.store })
    const isTaken = DEFINED in ctx || (!defer && (ctx.session || Reflect.get(ctx, '_session')))
    if (isTaken || !covers(settings.cookie.path || '/', ctx.path)) {
      await next()
      return
    }
    const visit = new Visit(ctx, settings)
    if (!defer) await visit.open()
    expose(ctx, visit, defer)
    try {
      await next()
    } catch (error) {
      if (!defer) await visit.finish().catch((late: unknown) => ctx.app.emit('error', late, ctx))
      throw error
    }
    await visit.finish()
  }
}

function expose(ctx: Context, visit: Visit, defer: boolean): void {
  Object.defineProperties(ctx, {
    session: {
      get: defer ? () => visit.read() : () => visit.current,
      set: (value: unknown) => {
        visit.assign(value)
      },
    },
    _session: {
      get: () => visit.current,
      set: (value: Session | null) => {
        visit.current = value
      },
    },
  })
  Object.assign(ctx, {
    [DEFINED]: true,
    sessionSave: null,
    saveSession: () => visit.save(),
    regenerateSession: () => visit.regenerate(),
  })
}

const session = Object.assign(create, { MemoryStore }) as unknown as SessionFactory

export { MemoryStore, session as default, session as 'module.exports' }
