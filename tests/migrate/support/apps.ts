/** Applications on the packages that are replaced: sign in, read, sign out, each over real HTTP. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RedisStore as ConnectRedis } from 'connect-redis'
import ConnectRedisSessions from 'connect-redis-sessions'
import cookieParser from 'cookie-parser'
import express from 'express'
import express4 from 'express4'
import expressSession from 'express-session'
import { Redis } from 'ioredis'
import Koa from 'koa'
import koaGenericSession from 'koa-generic-session'
import koaRedis from 'koa-redis'
import { createSession as koaSession } from 'koa-session'
import { createClient } from 'redis'
import { onTestFinished } from 'vitest'
import { RedisStore as OurRedisStore } from '../../../src/compat/connect-redis.ts'
import ourConnectRedisSessions from '../../../src/compat/connect-redis-sessions.ts'
import ourKoaGenericSession from '../../../src/compat/koa-generic-session.ts'
import ourSessionSets from '../../../src/compat/koa-redis-session-sets.ts'
import ourKoaStore from '../../../src/compat/koa-session-ioredis.ts'
import {
  fromConnectRedisSessions,
  fromExpressSession,
  fromKoaGenericSession,
  fromKoaSession,
  fromRedisSessionSets,
} from '../../../src/migrate/index.ts'
import type { FormerSessions, SourceOptions } from '../../../src/migrate/index.ts'
import { until } from '../../../tools/redis/until.mjs'
import { foreignPrefix, redisServers } from '../../support/redis.ts'

export const KEYS = ['a secret of the old application', 'the one before']

/** `/sign-in?user=…&n=…`, `/read` → `{ user, n }` or `{}`, `/sign-out`. */
export interface OldApp {
  readonly name: string
  /** The names of its cookies. */
  readonly cookies: readonly string[]
  /** On these keys; `n` is a number there, or a text where the package knows only texts. */
  start(prefix: string): Promise<RequestListener>
  /** The same application with only the import changed. */
  startSwapped?(prefix: string): Promise<RequestListener>
  source(prefix: string, options: SourceOptions): FormerSessions
}

type Written = Record<string, unknown>

export const oldApps: readonly OldApp[] = [
  {
    name: 'express-session',
    cookies: ['connect.sid'],
    async start(prefix) {
      const client = createClient({ url: redisServers().single.url })
      await client.connect()
      onTestFinished(() => client.destroy())
      return expressApp(new ConnectRedis({ client, prefix }))
    },
    startSwapped: async (prefix) => expressApp(new OurRedisStore({ client: redis(), prefix })),
    source: (prefix, options) => fromExpressSession({ ...options, prefix, secret: KEYS }),
  },
  {
    name: 'koa-generic-session',
    cookies: ['koa.sid', 'koa.sid.sig'],
    start: async (prefix) => {
      const store = koaRedis({ client: redis() })
      const cookie = { maxAge: 600_000 }
      const app = koaApp((koa) => koa.use(koaGenericSession({ prefix, store, cookie })))
      // When its client ends, with the test, the package would end the process ten seconds later.
      store.removeAllListeners('disconnect')
      return app
    },
    startSwapped: async (prefix) => {
      const store = ourKoaStore({ client: redis() })
      const cookie = { maxAge: 600_000 }
      return koaApp((koa) => koa.use(ourKoaGenericSession({ prefix, store, cookie })))
    },
    source: (prefix, options) => fromKoaGenericSession({ ...options, prefix, keys: KEYS }),
  },
  {
    name: 'koa-session',
    cookies: ['koa.sess', 'koa.sess.sig'],
    start: async (prefix) => {
      const store = koaRedis({ client: redis() })
      return koaApp((app) => app.use(koaSession({ prefix, store, maxAge: 600_000 }, app)))
    },
    startSwapped: async (prefix) => {
      const store = ourKoaStore({ client: redis() })
      return koaApp((app) => app.use(koaSession({ prefix, store, maxAge: 600_000 }, app)))
    },
    source: (_prefix, options) => fromKoaSession({ ...options, keys: KEYS }),
  },
  {
    name: 'koa-session, in the cookie',
    cookies: ['koa.sess', 'koa.sess.sig'],
    start: async () => koaApp((app) => app.use(koaSession({ maxAge: 600_000 }, app))),
    source: (_prefix, options) => fromKoaSession({ ...options, keys: KEYS, inCookie: true }),
  },
  {
    name: 'koa-redis-session-sets',
    cookies: ['session-id', 'session-id.sig'],
    start: async (prefix) => sessionSets(prefix),
    startSwapped: async (prefix) => {
      const app = new Koa()
      app.keys = KEYS
      const options = { client: redis(), prefix, maxAge: 600_000, references: { user: {} } }
      app.use(ourSessionSets(app, options))
      app.use(async (ctx) => {
        const { id: _, ...data } = (await ctx['session'].get()) as Written
        ctx.body = data
      })
      return listenerOf(app)
    },
    source: (prefix, options) =>
      fromRedisSessionSets({ ...options, prefix, keys: KEYS, references: ['user'] }),
  },
  {
    name: 'connect-redis-sessions',
    cookies: ['shop'],
    start: (prefix) => connectRedisSessions(ConnectRedisSessions, prefix),
    startSwapped: (prefix) => connectRedisSessions(ourConnectRedisSessions, prefix),
    source: (prefix, options) =>
      fromConnectRedisSessions({ ...options, namespace: prefix, app: 'shop' }),
  },
]

async function connectRedisSessions(
  make: typeof ConnectRedisSessions,
  prefix: string,
): Promise<RequestListener> {
  const { port } = redisServers().single
  const middleware = make({ app: 'shop', namespace: prefix, port, ttl: 600 })
  onTestFinished(() => middleware.handler.rds.quit())
  await until('the package has connected', () => middleware.handler.ready === true)
  const app = express4()
  app.use(cookieParser(), middleware)
  app.get('/sign-in', (req, res, next) => {
    const { user, n } = signedIn(req.url)
    const session = sessionOf(req) as Written & {
      upgrade(user: string, done: (error: unknown) => void): void
    }
    session.upgrade(user, (error) => {
      if (error) return next(error)
      // The package puts a new object in its place.
      Object.assign(sessionOf(req), { user, n })
      res.end()
    })
  })
  app.get('/read', (req, res) => void res.json(sessionOf(req)['d'] ?? {}))
  app.get('/sign-out', (req, res) => {
    ;(sessionOf(req) as { destroy(done: () => void): void }).destroy(() => res.end())
  })
  return app
}

function expressApp(store: unknown): RequestListener {
  const app = express()
  const cookie = { maxAge: 600_000 }
  app.use(expressSession({ secret: KEYS, store, cookie, resave: false, saveUninitialized: false }))
  app.get('/sign-in', (req, res) => {
    Object.assign(sessionOf(req), signedIn(req.url))
    res.end()
  })
  app.get('/read', (req, res) => {
    const { cookie: _, ...data } = sessionOf(req)
    res.json(data)
  })
  app.get('/sign-out', (req, res) => {
    ;(sessionOf(req) as { destroy(done: () => void): void }).destroy(() => res.end())
  })
  return app
}

/** Keys of packages that set no expiry begin with `foreign:`, which the sampler leaves alone. */
export function oldPrefix(): string {
  return foreignPrefix().slice(0, -1)
}

export function redis(): Redis {
  const client = new Redis(redisServers().single.url)
  onTestFinished(() => client.disconnect())
  return client
}

/** Serves until the test is over; its origin. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function koaApp(mount: (app: Koa) => void): RequestListener {
  const app = new Koa()
  app.keys = KEYS
  mount(app)
  app.use((ctx) => {
    const state = ctx as unknown as { session: Written | null }
    if (ctx.path === '/sign-in') Object.assign(state.session ?? {}, signedIn(ctx.url))
    if (ctx.path === '/sign-out') state.session = null
    const { cookie: _, ...data } = state.session ?? {}
    ctx.body = ctx.path === '/read' ? data : ''
  })
  return listenerOf(app)
}

/** The package is not to be had; its keys and its cookie, as it writes them. */
function sessionSets(prefix: string): RequestListener {
  const client = redis()
  const app = new Koa()
  app.keys = KEYS
  app.use(async (ctx) => {
    const id = ctx.cookies.get('session-id', { signed: true })
    if (ctx.path === '/sign-in') {
      const fresh = randomBytes(18).toString('base64')
      const { user, n } = signedIn(ctx.url)
      const key = `${prefix}:{${fresh}}`
      await client.multi().hset(key, { id: fresh, user, n }).pexpire(key, 600_000).exec()
      await client.sadd(`${prefix}:user:{${user}}`, fresh)
      ctx.cookies.set('session-id', fresh, { signed: true, maxAge: 600_000 })
      ctx.body = ''
    } else {
      const { id: _, ...data } = id ? await client.hgetall(`${prefix}:{${id}}`) : { id: '' }
      ctx.body = data
    }
  })
  return listenerOf(app)
}

function listenerOf(app: Koa): RequestListener {
  const answer = app.callback()
  return (request, response) => void answer(request, response)
}

function signedIn(url: string): { user: string; n: number } {
  const { searchParams } = new URL(url, 'http://localhost')
  return { user: searchParams.get('user') ?? '', n: Number(searchParams.get('n')) }
}

function sessionOf(request: object): Written {
  return (request as { session: Written }).session
}
