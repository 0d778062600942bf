/** The cookie of connect-redis-sessions: named after the app, its value the token. */
import { serialize } from 'cookie'
import type { SerializeOptions } from 'cookie'

export interface CookieOptions {
  /** Milliseconds. Without it, and without `expires`, the cookie ends with the browser. */
  readonly maxAge?: number | null
  readonly expires?: Date | null
  /** Default `/`. Requests elsewhere have no session at all. */
  readonly path?: string
  /** Default true: scripts of a page cannot read it. */
  readonly httpOnly?: boolean
  /** True: only sent over TLS. Default false. */
  readonly secure?: boolean
  readonly domain?: string
  readonly sameSite?: boolean | 'lax' | 'strict' | 'none'
}

/** The text of Set-Cookie. */
export function cookieLine(
  name: string,
  token: string,
  options: CookieOptions,
  now: number,
): string {
  const { maxAge, expires } = options
  const until = typeof maxAge === 'number' ? new Date(now + maxAge) : expires
  return serialize(name, token, { ...scopeOf(options), ...(until ? { expires: until } : {}) })
}

/** A browser removes a cookie by the scope it was set with. */
export function clearingLine(name: string, options: CookieOptions): string {
  return serialize(name, '', { ...scopeOf(options), expires: new Date(0) })
}

function scopeOf({ path, httpOnly, secure, domain, sameSite }: CookieOptions): SerializeOptions {
  return {
    path: path || '/',
    httpOnly: httpOnly ?? true,
    secure: secure ?? false,
    ...(domain === undefined ? {} : { domain }),
    ...(sameSite === undefined ? {} : { sameSite }),
  }
}

/**
 * Whether a cookie with an age is to be set anew, so that it lives as long as its session is used: with
 * the first request of each tenth of its age. `idle` in seconds.
 */
export function isDue({ maxAge }: CookieOptions, idle: number, now: number): boolean {
  if (typeof maxAge !== 'number' || maxAge <= 0) return false
  const tenth = maxAge / 10
  return Math.floor(now / tenth) !== Math.floor((now - idle * 1000) / tenth)
}
