/** What all requests of a connect-redis-sessions share: `middleware.handler`. */
import { optionError } from '../../core/errors.ts'
import type { RedisClient } from '../../redis/driver.ts'
import { RedisSessions } from '../redis-sessions.ts'
import type { RedisSessionsOptions } from '../redis-sessions.ts'
import type { CookieOptions } from './cookie.ts'
import { namedError } from './errors.ts'
import type { SessionRequest } from './request.ts'

/** Calls back with the name of the app; without one the request has an empty session. */
export type AppOfRequest = (
  request: SessionRequest,
  callback: (error: unknown, app?: string | null) => void,
) => void

export interface ConnectRedisSessionsOptions extends RedisSessionsOptions {
  /** The app, which is the name of the cookie, too; or a function that says it for each request. */
  readonly app: string | AppOfRequest
  /** Default: a cookie that ends with the browser. */
  readonly cookie?: CookieOptions
  /** Seconds that a session lasts without use, at least 10. Default 7200. */
  readonly ttl?: number
  /** True: believe X-Forwarded-Proto and X-Forwarded-For. Default false. */
  readonly proxy?: boolean
  /** The same, as the docs of the original call it. */
  readonly trustProxy?: boolean
  /** True: say on the console what is decided; never a token, or data. Default false. */
  readonly debug?: boolean
}

export class SessionHandler {
  readonly app: string | AppOfRequest
  /** The engine. */
  readonly rds: RedisSessions
  /** Its Redis client. */
  readonly redis: RedisClient
  readonly ttl: number | undefined
  readonly cookie: CookieOptions
  readonly debug: boolean
  readonly trustProxy: boolean

  /** Throws an error named `no-app-defined`; with code ERR_OPTION for a ttl that is no number. */
  constructor(options: Partial<ConnectRedisSessionsOptions> = {}) {
    const { app, cookie = {}, ttl, proxy, trustProxy, debug = false } = options
    if (typeof app !== 'function' && typeof app !== 'string') throw namedError('no-app-defined')
    // Before there is a connection that would be left behind.
    this.ttl = ttlOf(ttl)
    this.app = app
    this.rds = new RedisSessions(options)
    this.redis = this.rds.redis
    this.cookie = cookie
    this.debug = debug
    this.trustProxy = Boolean(proxy ?? trustProxy)
  }

  /** Whether Redis is connected. Requests do not depend on it: they try. */
  get ready(): boolean {
    return this.rds.connected
  }

  getApp(request: SessionRequest, callback: Parameters<AppOfRequest>[1]): void {
    if (typeof this.app === 'function') this.app(request, callback)
    else callback(null, this.app)
  }

  log(message: string): void {
    if (this.debug) console.warn(`connect-redis-sessions: ${message}`)
  }
}

/** Undefined where the engine's default holds; null counts as 0, as it always did. */
function ttlOf(ttl: unknown): number | undefined {
  if (ttl === undefined || Number.isNaN(ttl)) return undefined
  const isText = typeof ttl === 'string' && ttl.trim() !== ''
  const seconds = isText || ttl === null ? Number(ttl) : ttl
  if (typeof seconds === 'number' && Number.isFinite(seconds)) return atLeastTen(seconds)
  throw optionError('The option ttl of connect-redis-sessions is a number of seconds.')
}

/** A ttl in seconds as it is used. */
export function atLeastTen(ttl: number): number {
  if (ttl >= 10) return ttl
  console.warn('connect-redis-sessions: a ttl below 10 seconds was set to 10.')
  return 10
}
