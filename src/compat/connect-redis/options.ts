/** What the store is told, what it stores, and what it offers: the types of the drop-in for connect-redis. */
import type { EventEmitter } from 'node:events'

/** The part of a session's cookie that says how long its record lives. */
export interface SessionCookie {
  /** When the cookie ends; a text of JSON once it has been stored. */
  expires?: Date | string | null | undefined
  /** Milliseconds, as the cookie was last set. */
  originalMaxAge?: number | null | undefined
}

/** What express-session and `@fastify/session` store: their cookie and the application's own fields. */
export interface SessionRecord {
  cookie: SessionCookie
  [field: string]: unknown
}

/** How a record becomes text and back; both may return a promise. */
export interface Serializer {
  stringify(session: object): string | Buffer | Promise<string | Buffer>
  parse(text: string): unknown
}

/** Says how many seconds a session lives; undefined leaves that to its cookie. */
export type Ttl<Args extends unknown[] = never> =
  | number
  | string
  | ((...args: Args) => number | undefined)

/** `Args` is what a ttl function gets: the session, or in majors 3 to 6 the store, the session and its id. */
export interface RedisStoreOptions<Args extends unknown[] = [session: SessionRecord]> {
  /**
   * A client of ioredis 5 or 6, iovalkey, node-redis 4 to 6 (cluster and sentinel too), or one with
   * callbacks: node_redis 2.8 and 3, `legacyMode` of 4, `legacy()` of 5. Without it one is made from `url`,
   * `socket` or `host` and `port`, by ioredis, redis or iovalkey, whichever is installed.
   */
  readonly client?: object
  /** Before each session id in Redis. Default: `'sess:'`. */
  readonly prefix?: string | null
  /**
   * Seconds to live where the session's cookie has no end, default 86400 (one day); or a function that
   * says it for each session.
   */
  readonly ttl?: Ttl<Args>
  /** True: keys never expire by themselves. Default: false. */
  readonly disableTTL?: boolean
  /** True: `touch` does nothing, so that a session ends even while it is read. Default: false. */
  readonly disableTouch?: boolean
  /** Default: `JSON`. */
  readonly serializer?: Serializer
  /** How many keys SCAN looks at in one step, and how many are read or removed together. Default: 100. */
  readonly scanCount?: number
  /** True: errors of the client go to `console.error`; a function gets them instead. Default: false. */
  readonly logErrors?: boolean | ((error: unknown) => void)
  /** True: the connection does not keep the process alive. Default: false. */
  readonly unref?: boolean
  /** For a client that is made here. Default: the client's, `'localhost'`. */
  readonly host?: string
  /** For a client that is made here. Default: the client's, 6379. */
  readonly port?: number | string
  /** For a client that is made here: the path of a unix socket, or a url. */
  readonly socket?: string
  /** For a client that is made here, such as `'redis://localhost:6379'`. */
  readonly url?: string
  /** For a client that is made here: the password. */
  readonly pass?: string
  /** For a client that is made here: the number of the database. */
  readonly db?: number
  /** All others go to the client that is made here, under the names that its package gives them. */
  readonly [other: string]: unknown
}

/** Called once; `value` is null or undefined where there is none. */
export type Callback<Value> = (error: unknown, value?: Value) => unknown

/** What a store has from the Store of express-session; nothing of it where that is not installed. */
export interface ExpressStore extends EventEmitter {
  regenerate(request: object, callback: (error?: unknown) => unknown): void
  load<Session extends object = SessionRecord>(sid: string, callback: Callback<Session>): void
  createSession<Session extends object = SessionRecord>(request: object, record: object): Session
}

/**
 * Each method answers with a promise or, if given one, through a callback; then the promise carries
 * what the callback returned. Failures are `ERR_STORE` or, after five seconds without an answer,
 * `ERR_STORE_TIMEOUT`.
 *
 * Events: `connect` and `disconnect` as the client gets and loses Redis, `dropped` for a late save of a
 * session that had ended.
 */
export interface RedisStore extends ExpressStore {
  /** As given, or as made from the options. */
  readonly client: object
  prefix: string
  scanCount: number
  serializer: Serializer
  ttl: Ttl
  disableTTL: boolean
  disableTouch: boolean
  /** Null where there is no such session. */
  get<Session extends object = SessionRecord>(sid: string): Promise<Session | null>
  get<Session extends object = SessionRecord>(
    sid: string,
    callback: Callback<Session | null>,
  ): Promise<unknown>
  /**
   * Stores a session. One that was loaded from here, or stored before, is only updated: if it has ended
   * meanwhile, nothing is written and `dropped` is emitted.
   */
  set(sid: string, session: object): Promise<null>
  set(sid: string, session: object, callback: Callback<null> | undefined): Promise<unknown>
  /** Moves the end of a session, without writing its data. */
  touch(sid: string, session: object): Promise<null>
  touch(sid: string, session: object, callback: Callback<null> | undefined): Promise<unknown>
  /** Removes one session or several. */
  destroy(sid: string | readonly string[]): Promise<null>
  destroy(sid: string | readonly string[], callback: Callback<null> | undefined): Promise<unknown>
  /** Removes every key that begins with the prefix. */
  clear(): Promise<null>
  clear(callback: Callback<null> | undefined): Promise<unknown>
  /** How many sessions there are; looks at the name of every key. */
  length(): Promise<number>
  length(callback: Callback<number>): Promise<unknown>
  /** The ids of all sessions. */
  ids(): Promise<string[]>
  ids(callback: Callback<string[]>): Promise<unknown>
  /** All sessions, each with its `id`; without those that cannot be read. */
  all<Session extends object = SessionRecord>(): Promise<Session[]>
  all<Session extends object = SessionRecord>(callback: Callback<Session[]>): Promise<unknown>
}

/** The class itself, as `connectRedis(session)` returns it. */
export type RedisStoreClass = new <Session extends object = SessionRecord>(
  options?: RedisStoreOptions<[store: object, session: Session, sid: string]>,
) => RedisStore
