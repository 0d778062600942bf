/** The options of the middleware, and what holds where none is given. */
import { randomBytes } from 'node:crypto'
import { availabilityOf } from './availability.ts'
import type { KoaContext } from './context.ts'
import { MemoryStore } from './memory-store.ts'
import { cookieIds } from './session-id.ts'
import type { IdStore, SessionIdStore } from './session-id.ts'
import { cookieOptions } from './session.ts'
import type { Session, SessionCookie } from './session.ts'
import { SessionStore } from './store.ts'
import type { StoreClient } from './store.ts'

/** Unknown options are ignored. Durations are milliseconds. */
export interface SessionOptions<Data extends object = Record<string, unknown>> {
  /** The name of the cookie. Default `koa.sid`. */
  key?: string | undefined
  /** Put before the session id in every key of the store. Default `koa:sess:`. */
  prefix?: string | undefined
  /**
   * How long the store keeps a session from its last save: milliseconds, or a function of the session
   * to them. Default, and where it gives none: until `cookie.expires`, else `cookie.maxAge`, else a day.
   */
  ttl?: number | ((session: Session<Data>) => number | undefined | null) | null | undefined
  /** Save an existing session, and send its cookie, with every request. Default false. */
  rolling?: boolean | undefined
  /** Makes a session id. Default 24 random bytes, as 32 characters of base64url. */
  genSid?: ((this: KoaContext, length: number) => string | Promise<string>) | undefined
  /** Load the session only when it is read: `await ctx.session`. Default false. */
  defer?: boolean | undefined
  /** Store new sessions that nothing was written to. Default false. */
  allowEmpty?: boolean | undefined
  /**
   * Gets what the store failed with, and may throw it or not. A session that could not be read is then
   * empty for this request; the stored one and the cookie stay. Default: throws it.
   */
  errorHandler?(error: unknown, type: 'get' | 'set', ctx: KoaContext): unknown
  /** How long requests wait for a store that has emitted `disconnect`. Default and for 0: 10 seconds. */
  reconnectTimeout?: number | undefined
  /** Another way for ids to travel than the cookie. */
  sessionIdStore?: SessionIdStore | undefined
  /** Whether a session, a new one included, may be used; if not, an empty one takes its place. */
  valid?(ctx: KoaContext, session: Session<Data>): unknown
  /** Runs before each save and may change the session. */
  beforeSave?(ctx: KoaContext, session: Session<Data>): unknown
  /** Where sessions are kept. Default: `MemoryStore`. */
  store?: StoreClient | undefined
  /** Merged into `{ httpOnly: true, path: '/', overwrite: true, signed: true, maxAge: 86400000 }`. */
  cookie?: SessionCookie | undefined
}

/** The options with every gap filled. */
export interface Settings {
  readonly store: SessionStore
  /** Waits for a store that is away; throws if it stays away. */
  readonly storeIsReady: () => Promise<void>
  readonly ids: IdStore
  readonly cookie: SessionCookie
  readonly rolling: boolean
  readonly allowEmpty: boolean
  readonly genSid: (this: KoaContext, length: number) => string | Promise<string>
  readonly errorHandler: (error: unknown, type: 'get' | 'set', ctx: KoaContext) => unknown
  readonly valid: (ctx: KoaContext, session: Session) => unknown
  readonly beforeSave: (ctx: KoaContext, session: Session) => unknown
}

const PRODUCTION_WARNING =
  "Warning: koa-generic-session's MemoryStore is not\n" +
  'designed for a production environment, as it will leak\n' +
  'memory, and will not scale past a single process.'

export function resolve(options: SessionOptions): Settings {
  const { prefix, ttl, rolling = false, allowEmpty = false } = options
  const client = options.store || new MemoryStore()
  if (client instanceof MemoryStore && process.env['NODE_ENV'] === 'production')
    console.warn(PRODUCTION_WARNING)
  const store = new SessionStore(client, { prefix, ttl })
  const cookie = cookieOptions(options.cookie)
  return {
    store,
    storeIsReady: availabilityOf(store, options.reconnectTimeout || 10_000),
    ids: options.sessionIdStore || cookieIds(options.key || 'koa.sid', cookie),
    cookie,
    rolling,
    allowEmpty,
    genSid: options.genSid || ((length) => randomBytes(length).toString('base64url')),
    errorHandler: options.errorHandler || rethrow,
    valid: options.valid || (() => true),
    beforeSave: options.beforeSave || (() => undefined),
  }
}

function rethrow(error: unknown, type: 'get' | 'set'): never {
  try {
    Object.assign(error as Error, { name: `koa-generic-session ${type} error` })
  } catch {
    // Its name can only be read.
  }
  throw error
}
