/** The types: the context is typed by the middleware alone, in either mode, and the options help. */
import session, { MemoryStore } from 'handstamp/compat/koa-generic-session'
import type {
  DeferredContext,
  Session,
  SessionContext,
  SessionCookie,
} from 'handstamp/compat/koa-generic-session'
import Koa from 'koa'
import { expectTypeOf, test } from 'vitest'

interface Data {
  user: string
  views: number
}

test('behind the middleware the context has the session', () => {
  new Koa().use(session<Data>()).use(async (ctx) => {
    expectTypeOf(ctx.session.views).toEqualTypeOf<number | undefined>()
    expectTypeOf(ctx.session.cookie).toEqualTypeOf<SessionCookie>()
    expectTypeOf(await ctx.regenerateSession()).toEqualTypeOf<Session<Data>>()
    expectTypeOf(ctx.sessionSave).toEqualTypeOf<boolean | null>()
    ctx.session = { user: 'ada' }
    ctx.session = null
    // @ts-expect-error not the type that was declared
    ctx.session.views = 'many'
    // @ts-expect-error no such field
    ctx.session.vews = 1
    ctx.body = ctx.ip
  })
})

test('in defer mode it is a promise', () => {
  new Koa().use(session<Data>({ defer: true })).use(async (ctx) => {
    expectTypeOf((await ctx.session).user).toEqualTypeOf<string | undefined>()
    ctx.session = { views: 1 }
  })
})

test('a context may be declared first', () => {
  const app = new Koa<Koa.DefaultState, SessionContext<Data>>()
  app.use(session<Data>())
  app.use((ctx) => {
    expectTypeOf(ctx.session.views).toEqualTypeOf<number | undefined>()
  })
  expectTypeOf<DeferredContext['session']>().resolves.toEqualTypeOf<Session>()
})

test('hooks may take the context of Koa, and every store fits', () => {
  expectTypeOf(session.MemoryStore).toEqualTypeOf<typeof MemoryStore>()
  session<Data>({
    store: new MemoryStore(),
    valid: (ctx: Koa.Context, { user }) => user !== ctx.ip,
    async beforeSave(ctx, now) {
      now.views = ctx.path.length
    },
    errorHandler(error, type) {
      expectTypeOf(type).toEqualTypeOf<'get' | 'set'>()
      throw error
    },
    ttl: ({ cookie }) => cookie.maxAge,
  })
  // @ts-expect-error no store
  session({ store: {} })
  // @ts-expect-error milliseconds are a number
  session({ ttl: '1d' })
})
