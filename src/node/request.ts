/** What the engine needs to know of a node:http request. */
import type { IncomingMessage } from 'node:http'
import type { RequestHead } from '../core/transport.ts'

export class NodeRequestHead implements RequestHead {
  readonly source: unknown
  readonly path: string
  readonly secure: boolean
  readonly #request: IncomingMessage

  /** `url` as the client sent it: frameworks rewrite `request.url` where they mount. */
  constructor(source: unknown, request: IncomingMessage, url: string, secure: boolean) {
    this.source = source
    this.path = pathOf(url)
    this.secure = secure
    this.#request = request
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
}

/** Whether the connection itself is encrypted; what a proxy in front says is for the framework to judge. */
export function isEncrypted({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket && socket.encrypted === true
}

/** The path alone, also of the absolute form that proxies send (RFC 9112 section 3.2.2). */
function pathOf(url: string): string {
  if (url.startsWith('/')) return /^[^?#]*/.exec(url)?.[0] ?? '/'
  return URL.canParse(url) ? new URL(url).pathname : '/'
}
