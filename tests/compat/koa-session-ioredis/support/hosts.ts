/** The real middlewares that these stores serve, one request at a time and without a socket. */
import Koa from 'koa'
import genericSession from 'koa-generic-session'
import koaSession from 'koa-session'
import ourGenericSession from '../../../../src/compat/koa-generic-session.ts'
import type { SessionStore } from './stores.ts'

/** The part of a Koa context that matters here. */
export interface Context {
  session: Record<string, unknown> | null
  sessionId: string
  regenerateSession(): Promise<void>
}

export interface Host {
  /** Runs a request with this session id; resolves to the id that the visitor has afterwards. */
  visit(sid?: string, handler?: (ctx: Context) => unknown): Promise<string | undefined>
  /** The key in Redis. */
  keyOf(sid: string): string
}

export type MakeHost = (store: SessionStore, prefix: string, options?: object) => Host

export const genericHost: MakeHost = (...args) => generic(genericSession, ...args)

/** The drop-in for it. */
export const ourGenericHost: MakeHost = (...args) => generic(ourGenericSession, ...args)

function generic(make: unknown, ...[store, prefix, options]: Parameters<MakeHost>): Host {
  const cookie = { signed: false }
  const given = { store, prefix, cookie, ...options }
  const middleware = (make as (options: object) => Middleware)(given)
  return { visit: visitor(middleware, () => ({})), keyOf: (sid) => prefix + sid }
}

export const koaSessionHost: MakeHost = (store, prefix, options) => {
  const app = new Koa()
  const middleware = koaSession({ store, prefix, signed: false, ...options } as object, app)
  const create = (): object => Object.create(app.context) as object
  return { visit: visitor(middleware, create), keyOf: (sid) => sid }
}

type Middleware = (ctx: unknown, next: () => unknown) => Promise<unknown>

function visitor(middleware: Middleware, createContext: () => object): Host['visit'] {
  return async (sid, handler = () => undefined) => {
    let current = sid
    const ctx = createContext()
    Object.defineProperties(ctx, {
      url: { value: '/' },
      path: { value: '/' },
      app: { value: { emit: () => true } },
      headerSent: { value: false },
      cookies: {
        value: {
          get: () => sid,
          set: (_name: string, value: string | null) => void (current = value || undefined),
        },
      },
    })
    await middleware(ctx, async () => handler(ctx as Context))
    return current
  }
}
