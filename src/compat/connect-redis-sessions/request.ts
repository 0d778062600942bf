/** What connect-redis-sessions reads from a request, and leaves on it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { headerOf, isEncrypted } from '../../node/request.ts'
import type { SessionObject } from './session.ts'

export interface SessionRequest extends IncomingMessage {
  session?: SessionObject
  /** The token; null where nobody is signed in. */
  sessionID?: string | null
  /** As cookie-parser leaves them. */
  cookies?: Readonly<Record<string, unknown>>
  res?: ServerResponse
  _appname?: string | null | undefined
  /** What `session.hash()` was when the request came. */
  _originalHash?: number
  _originalId?: string | null
  readonly originalUrl?: string
  readonly ip?: string | undefined
  readonly secure?: boolean
}

/** Whether the request came over TLS, to this server or, where proxies are trusted, to one in front. */
export function isSecure(request: SessionRequest, isProxyTrusted: boolean): boolean {
  if (request.secure || isEncrypted(request)) return true
  return (
    isProxyTrusted && firstOf(headerOf(request, 'x-forwarded-proto'))?.toLowerCase() === 'https'
  )
}

/** What `create` of redis-sessions takes: 1 to 39 characters. */
export function ipOf(request: SessionRequest, isProxyTrusted: boolean): string {
  const forwarded = isProxyTrusted ? firstOf(headerOf(request, 'x-forwarded-for')) : undefined
  const ip = request.ip || forwarded || request.socket.remoteAddress
  // A Unix socket has no address.
  return ip ? ip.slice(0, 39) : 'unknown'
}

function firstOf(list: string | undefined): string | undefined {
  return list?.split(',')[0]?.trim()
}
