/** What the engine needs to know of a node:http request. */
import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '../core/transport.ts'

export class NodeRequestHead implements RequestHead {
  readonly source: object
  readonly #request: IncomingMessage
  readonly #url: string

  /** `url` as the client sent it: frameworks rewrite `request.url` where they mount. */
  constructor(source: object, request: IncomingMessage, url: string) {
    this.source = source
    this.#request = request
    this.#url = url
  }

  get path(): string {
    return pathOf(this.#url)
  }

  get secure(): boolean {
    return isSecure(this.source, this.#request)
  }

  header(name: string): string | undefined {
    return headerOf(this.#request, name)
  }

  /** A framework's own `ip` (Koa, Express) heeds its setting of proxies; else what connected to us. */
  get ip(): string | undefined {
    const { ip } = this.source as { ip?: unknown }
    return typeof ip === 'string' ? ip : this.#request.socket.remoteAddress
  }
}

/** The text of a header, its name in lower case; several lines are one list (RFC 9110 section 5.3). */
export function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** The Host header, which HTTP/2 calls `:authority` (RFC 9113 section 8.3.1). */
export function hostOf(request: IncomingMessage): string | undefined {
  return headerOf(request, ':authority') ?? request.headers.host
}

/** Whether the connection itself is encrypted; what a proxy in front says is for the framework to judge. */
export function isEncrypted({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket && socket.encrypted === true
}

/** A framework's own `secure` (Koa, Express) heeds its setting of proxies; else it is the connection's. */
export function isSecure(source: object, request: IncomingMessage): boolean {
  const { secure } = source as { secure?: unknown }
  return typeof secure === 'boolean' ? secure : isEncrypted(request)
}

/** The path alone, also of the absolute form that proxies send (RFC 9112 section 3.2.2). */
function pathOf(url: string): string {
  if (url.startsWith('/')) return /^[^?#]*/.exec(url)?.[0] ?? '/'
  return URL.canParse(url) ? new URL(url).pathname : '/'
}
