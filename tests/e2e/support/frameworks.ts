/** One application, served by every framework that handstamp mounts in. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import Koa2 from 'koa2'
import { onTestFinished } from 'vitest'
import { session as expressSession } from '../../../src/adapters/express.ts'
import type { MountOptions } from '../../../src/adapters/express.ts'
import { withSession as fetchSession } from '../../../src/adapters/fetch.ts'
import { session as koaSession } from '../../../src/adapters/koa.ts'
import { withSession as nodeSession } from '../../../src/adapters/node.ts'
import { HandstampError } from '../../../src/index.ts'
import type { Session, Sessions } from '../../../src/index.ts'
import type { Where } from './browser.ts'

export interface Data {
  views: number
  user: string
  note: string
}

/** One request as the handler of the application sees it. */
export interface Turn {
  /** What the client asked for. */
  readonly url: string
  /** What `getSession` takes. */
  readonly carrier: object
  /** The session, as users of this framework get it. */
  session(): Promise<Session<Data>>
  /** Ends the session, as users of this framework do it. */
  logout(): Promise<void>
  /** Another cookie than ours. */
  addCookie(line: string): void
  /** At most once, and last. */
  send(status: number, body: string, headers?: Record<string, string>): void
}

export interface Mount {
  readonly sessions: Sessions<Data>
  readonly options?: MountOptions
}

export interface App {
  readonly mounts: readonly Mount[]
  /** Sets a cookie of another middleware in front. */
  readonly cookieBefore?: string
  /** Where the sessions and the handler are mounted; frameworks rewrite the URL below it. */
  readonly at?: string
  handle(turn: Turn): unknown
}

export interface Running extends Where {
  /** What the framework's own error handling saw. */
  readonly errors: readonly unknown[]
}

export interface Framework {
  readonly name: string
  readonly protocol: 'http1' | 'http2'
  /** The request carries the session as a property; otherwise `getSession` loads it. */
  readonly hasProperty: boolean
  /** It has an error handling of its own, and answers through the response that the session holds. */
  readonly handlesErrors: boolean
  /** It rewrites the URL where an app is mounted. */
  readonly rewritesUrl: boolean
  serve(app: App): Promise<Running>
}

const property = { hasProperty: true, handlesErrors: true, rewritesUrl: true } as const
const bare = { hasProperty: false, handlesErrors: false, rewritesUrl: false } as const

export const frameworks: readonly Framework[] = [
  { name: 'Koa 3', protocol: 'http1', ...property, serve: koa(Koa) },
  { name: 'Koa 2', protocol: 'http1', ...property, serve: koa(Koa2) },
  { name: 'Express 5', protocol: 'http1', ...property, serve: connectLike(express) },
  { name: 'Express 4', protocol: 'http1', ...property, serve: connectLike(express4) },
  { name: 'Connect 3', protocol: 'http1', ...property, serve: connectLike(connect) },
  { name: 'node:http', protocol: 'http1', ...bare, serve: node },
  { name: 'node:http2', protocol: 'http2', ...bare, serve: node2 },
  { name: 'Fetch', protocol: 'http1', ...bare, serve: bridge },
]

type KoaContext = Koa.Context & Record<string, unknown>

function koa(Application: typeof Koa): Framework['serve'] {
  return async ({ mounts, cookieBefore, at, handle }) => {
    const app = new Application()
    const errors: unknown[] = []
    app.on('error', (error) => errors.push(error))
    app.use(async (ctx, next) => {
      if (cookieBefore) ctx.append('Set-Cookie', cookieBefore)
      if (at === undefined) return next()
      if (!ctx.path.startsWith(`${at}/`) && ctx.path !== at) return
      // As koa-mount does.
      ctx.path = ctx.path.slice(at.length) || '/'
      await next()
    })
    for (const { sessions, options } of mounts) app.use(koaSession(sessions, options))
    app.use((ctx) => handle(koaTurn(ctx as unknown as KoaContext, mounts)) as Promise<void>)
    const listener = app.callback()
    const server = createServer((request, response) => void listener(request, response))
    return listen(server, 'http1', errors)
  }
}

function koaTurn(ctx: KoaContext, mounts: readonly Mount[]): Turn {
  const name = mounts[0]?.options?.property ?? 'session'
  return {
    url: ctx.originalUrl,
    carrier: ctx,
    session: async () => ctx[name] as Session<Data>,
    logout: async () => void (ctx[name] = null),
    addCookie: (line) => ctx.append('Set-Cookie', line),
    send(status, body, headers = {}) {
      ctx.status = status
      ctx.set(headers)
      ctx.body = body
    },
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => void
type Next = (error?: unknown) => void
type ErrorHandler = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: Next,
) => void

interface ConnectLike {
  (request: IncomingMessage, response: ServerResponse): void
  use(path: string, handler: Handler): unknown
  use(path: string, handler: ErrorHandler): unknown
}

function connectLike(create: () => unknown): Framework['serve'] {
  return async ({ mounts, cookieBefore, at = '/', handle }) => {
    const app = create() as ConnectLike
    const errors: unknown[] = []
    app.use('/', (_request, response, next) => {
      if (cookieBefore) response.setHeader('Set-Cookie', cookieBefore)
      next()
    })
    for (const { sessions, options } of mounts) app.use(at, expressSession(sessions, options))
    app.use(at, (request, response, next) => {
      const turn = expressTurn(request, response, mounts)
      Promise.resolve(turn).then(handle).catch(next)
    })
    app.use(
      '/',
      (error: unknown, _request: IncomingMessage, _response: ServerResponse, next: Next) => {
        errors.push(error)
        next(error)
      },
    )
    return listen(createServer(app), 'http1', errors)
  }
}

function expressTurn(
  request: IncomingMessage,
  response: ServerResponse,
  mounts: readonly Mount[],
): Turn {
  const name = mounts[0]?.options?.property ?? 'session'
  const carrier = request as unknown as Record<string, unknown>
  return {
    ...nodeTurn(request, response),
    url: (carrier['originalUrl'] as string | undefined) ?? request.url ?? '',
    session: async () => carrier[name] as Session<Data>,
    logout: async () => void (carrier[name] = null),
  }
}

function nodeTurn(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  mounts: readonly Mount[] = [],
): Turn {
  const session = (): Promise<Session<Data>> => firstOf(mounts).sessions.getSession(request)
  return {
    url: request.url ?? '',
    carrier: request,
    session,
    logout: async () => (await session()).destroy(),
    addCookie: (line) => void (response as ServerResponse).appendHeader('Set-Cookie', line),
    send(status, body, headers = {}) {
      response.writeHead(status, headers)
      response.end(body)
    },
  }
}

type Listener = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void

function nodeListener({ mounts, cookieBefore, handle }: App, errors: unknown[]): Listener {
  const answer = async (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> => {
    try {
      await handle(nodeTurn(request, response, mounts))
    } catch (error) {
      if (error instanceof HandstampError) throw error
      // The error handling of an application without a framework.
      errors.push(error)
      response.statusCode = 500
      response.end('Internal Server Error')
    }
  }
  let listener: (...args: Parameters<typeof answer>) => unknown = answer
  for (const { sessions } of mounts.toReversed()) listener = nodeSession(sessions, listener)
  return (request, response) => {
    if (cookieBefore) response.setHeader('Set-Cookie', cookieBefore)
    listener(request, response)
  }
}

async function node(app: App): Promise<Running> {
  const errors: unknown[] = []
  const listener = nodeListener(app, errors)
  return listen(
    createServer((request, response) => listener(request, response)),
    'http1',
    errors,
  )
}

async function node2(app: App): Promise<Running> {
  const errors: unknown[] = []
  const listener = nodeListener(app, errors)
  return listen(
    createHttp2Server((request, response) => listener(request, response)),
    'http2',
    errors,
  )
}

async function bridge({ mounts, cookieBefore, handle }: App): Promise<Running> {
  const errors: unknown[] = []
  let answer = async (request: Request): Promise<Response> => {
    let response = new Response(null, { status: 404 })
    const cookies = cookieBefore ? [cookieBefore] : []
    const session = (): Promise<Session<Data>> => firstOf(mounts).sessions.getSession(request)
    await handle({
      url: new URL(request.url).pathname,
      carrier: request,
      session,
      logout: async () => (await session()).destroy(),
      addCookie: (line) => cookies.push(line),
      send(status, body, headers = {}) {
        response = new Response(body, { status, headers })
        for (const line of cookies) response.headers.append('Set-Cookie', line)
      },
    })
    return response
  }
  for (const { sessions } of mounts.toReversed()) answer = fetchSession(sessions, answer)
  const listener = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(incoming.headersDistinct))
      for (const value of values) headers.append(name, value)
    const url = `http://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`
    const request = new Request(url, { method: incoming.method ?? 'GET', headers })
    try {
      const response = await answer(request)
      outgoing.statusCode = response.status
      for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
      outgoing.end(Buffer.from(await response.arrayBuffer()))
    } catch (error) {
      errors.push(error)
      outgoing.statusCode = 500
      outgoing.end('Internal Server Error')
    }
  }
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing))
  return listen(server, 'http1', errors)
}

function firstOf(mounts: readonly Mount[]): Mount {
  const [mount] = mounts
  if (!mount) throw new Error('nothing is mounted')
  return mount
}

/** On a free port, until the test ends. */
export async function listen(
  server: Server | Http2Server,
  protocol: 'http1' | 'http2' = 'http1',
  errors: unknown[] = [],
): Promise<Running> {
  // A test may leave a connection idle for longer than the 5 s after which Node.js would close it.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 0
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { port: (server.address() as AddressInfo).port, protocol, errors }
}
