/** The drop-in for koa-redis-session-sets: sessions as hashes, with sets of the sessions per value of a field. */
import type { FieldValue } from './koa-redis-session-sets/fields.ts'
import { Session } from './koa-redis-session-sets/session.ts'
import type { SessionContext, SessionOptions } from './koa-redis-session-sets/session.ts'
import { Store } from './koa-redis-session-sets/store.ts'
import { Tokens } from './koa-redis-session-sets/tokens.ts'

export type { Fields, FieldValue } from './koa-redis-session-sets/fields.ts'
export type { MaxAge } from './koa-redis-session-sets/max-age.ts'
export type {
  SecretHolder,
  SessionContext,
  SessionOptions,
} from './koa-redis-session-sets/session.ts'
export type { Replies, StoreOptions } from './koa-redis-session-sets/store.ts'
export type { TokensOptions } from './koa-redis-session-sets/tokens.ts'
export type { Session, Tokens }

/** A middleware for Koa, with the store and what else the application needs outside of requests. */
export interface SessionMiddleware {
  (ctx: SessionContext & { session: Session }, next: () => Promise<unknown>): Promise<unknown>
  readonly store: Store
  /** Makes and verifies CSRF tokens. */
  readonly tokens: Tokens
  /** A copy of the options, with the defaults of the cookie; changes of it hold from the next call on. */
  readonly options: SessionOptions & { key: string; httpOnly: boolean; signed: boolean }
  /** A session of a context, without the middleware. */
  createSession(ctx: SessionContext): Session
  /** The key of the set that holds the ids of the sessions with this value; for SMEMBERS or SSCAN. */
  getReferenceKey(field: string, value: FieldValue): string
}

/**
 * A middleware that sets `ctx.session`, and does nothing else. `app` is not used. Throws ERR_OPTION.
 *
 * @example
 * const Session = sessionSets(app, { client: new Redis(), references: { user_id: {} } })
 * app.use(Session)
 * app.use(async (ctx) => { await ctx.session.set({ user_id: 1 }) })
 */
const sessionSets: {
  (app: unknown, options: SessionOptions): SessionMiddleware
  readonly Store: typeof Store
} = Object.assign(create, { Store })

function create(_app: unknown, given: SessionOptions): SessionMiddleware {
  const { key, httpOnly, signed } = given
  const options = {
    ...given,
    key: key || 'session-id',
    overwrite: true,
    httpOnly: httpOnly !== false,
    signed: signed !== false,
  }
  const store = new Store(options)
  const tokens = new Tokens(options)
  const createSession = (ctx: SessionContext): Session => new Session(ctx, store, tokens, options)
  function middleware(
    ctx: SessionContext & { session: Session },
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    ctx.session = createSession(ctx)
    return next()
  }
  return Object.assign(middleware, {
    store,
    tokens,
    options,
    createSession,
    getReferenceKey: (field: string, value: FieldValue) => store.getReferenceKey(field, value),
  })
}

export { sessionSets as default, sessionSets as 'module.exports', Store }
