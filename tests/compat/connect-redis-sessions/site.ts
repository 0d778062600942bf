/** A site with sessions, by the original (Express 4) or by ours (Express 4 and 5, Connect), and its visitors. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import connect from 'connect'
import cookieParser from 'cookie-parser'
import express from 'express'
import express4 from 'express4'
import ConnectRedisSessions from 'handstamp/compat/connect-redis-sessions'
import type { SessionObject, SessionRequest } from 'handstamp/compat/connect-redis-sessions'
import { CookieJar } from 'tough-cookie'
import { onTestFinished } from 'vitest'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'

type Next = (error?: unknown) => void
/** The least that both have in common, so that one handler runs on both. */
export type Request = SessionRequest & { session: SessionObject; query: Record<string, string> }
export type Handler = (request: Request, response: ServerResponse, next: Next) => unknown

type Middleware = ((request: never, response: ServerResponse, next: Next) => void) & {
  readonly handler: { readonly ready: boolean; readonly rds: { quit(): unknown } }
}
type Make = (options: object) => Middleware

interface App {
  (request: IncomingMessage, response: ServerResponse): void
  use(handler: unknown): unknown
}

export interface SiteRow {
  readonly title: string
  readonly isOriginal: boolean
  readonly make: Make
  app(): App
}

const require = createRequire(import.meta.url)
const Original = require('connect-redis-sessions') as Make
const Ours = ConnectRedisSessions as unknown as Make

export const original: SiteRow = {
  title: 'connect-redis-sessions 2.1.1, Express 4',
  isOriginal: true,
  make: Original,
  app: () => express4(),
}
const row = (title: string, app: () => unknown): SiteRow => ({
  title: `ours, ${title}`,
  isOriginal: false,
  make: Ours,
  app: app as () => App,
})
export const ours: SiteRow = row('Express 5', express)
export const oursEverywhere: readonly SiteRow[] = [
  ours,
  row('Express 4', express4),
  row('Connect 3', connect),
]

export interface Site {
  readonly origin: string
  readonly namespace: string
  readonly middleware: Middleware
  visitor(): Visitor
}

export interface SiteOptions {
  readonly namespace?: string
  readonly options?: Record<string, unknown>
  /** Mounted before the sessions. */
  readonly before?: readonly unknown[]
  readonly withCookies?: boolean
}

/** `/name?…` is answered by the handler of that name. */
export async function open(
  { make, app: makeApp, isOriginal }: SiteRow,
  handlers: Record<string, Handler>,
  { namespace, options = {}, before = [], withCookies = true }: SiteOptions = {},
): Promise<Site> {
  const name = namespace ?? `${isOriginal ? foreignPrefix() : freshPrefix()}m`
  const { port } = redisServers().single
  const middleware = make({ app: 'forum', port, namespace: name, wipe: 0, ...options })
  const app = makeApp()
  for (const handler of before) app.use(handler)
  if (withCookies) app.use(cookieParser())
  app.use(middleware)
  app.use((request: Request, response: ServerResponse, next: Next) => {
    const url = new URL(request.originalUrl ?? request.url ?? '/', 'http://localhost')
    // Express 5 makes of query a getter.
    Object.defineProperty(request, 'query', { value: Object.fromEntries(url.searchParams) })
    const handler = handlers[url.pathname.split('/').at(-1) ?? '']
    if (!handler) return void response.end('nothing here')
    const result = handler(request, response, next)
    if (result instanceof Promise) result.catch(next)
  })
  app.use((error: Error, _request: Request, response: ServerResponse, _next: Next) => {
    const { status = 500 } = error as { status?: number }
    response.statusCode = status
    response.end(`error ${error.name}`)
  })
  const server: Server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await middleware.handler.rds.quit()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  if (isOriginal) {
    // It serves without sessions until its client is connected.
    while (!middleware.handler.ready) await new Promise((resolve) => setImmediate(resolve))
  }
  return { origin, namespace: name, middleware, visitor: () => new Visitor(origin) }
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly setCookie: readonly string[]
}

/** A browser with a cookie jar; it keeps its cookies when the site moves. */
export class Visitor {
  readonly #jar = new CookieJar()
  #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  /** To another server of the same site. */
  goTo({ origin }: Site): this {
    this.#origin = origin
    return this
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    const url = new URL(path, this.#origin).href
    // Cookies belong to a host, whatever its port.
    const host = new URL(path, 'http://127.0.0.1').href
    const cookie = await this.#jar.getCookieString(host)
    const sent = cookie === '' ? headers : { cookie, ...headers }
    const response = await fetch(url, { headers: sent, redirect: 'manual' })
    const setCookie = response.headers.getSetCookie()
    for (const line of setCookie) await this.#jar.setCookie(line, host, { ignoreError: true })
    return { status: response.status, text: await response.text(), setCookie }
  }

  async json(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    const { text } = await this.get(path, headers)
    return JSON.parse(text) as unknown
  }

  async cookie(name: string): Promise<string | undefined> {
    const cookies = await this.#jar.getCookies('http://127.0.0.1/')
    return cookies.find(({ key }) => key === name)?.value
  }
}

/** Answers with JSON. */
export function send(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json')
  response.end(JSON.stringify(value) ?? 'null')
}

/** What a site needs: sign in, write, read, sign out; in the callback form that both have. */
export const common: Record<string, Handler> = {
  login(request, response) {
    const { user = 'ada', ttl } = request.query
    void request.session.upgrade(user, ttl, (error) => send(response, error ? String(error) : 'in'))
  },
  me({ session, sessionID }, response) {
    const { id, d, _meta: meta } = session
    send(response, { id, sessionID, d, user: meta?.id, w: meta?.w })
  },
  set(request, response) {
    for (const [key, value] of Object.entries(request.query)) request.session[key] = value
    send(response, 'set')
  },
  delete(request, response) {
    for (const key of Object.keys(request.query)) delete request.session[key]
    send(response, 'deleted')
  },
  logout(request, response) {
    void request.session.destroy((error, killed) => send(response, error ? error.name : killed))
  },
  everywhere(request, response) {
    void request.session.destroyall((error, killed) => send(response, error ? error.name : killed))
  },
}
