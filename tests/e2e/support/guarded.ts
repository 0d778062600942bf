/** One application behind CSRF protection, served by every framework; it reads forms before the check. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { text } from 'node:stream/consumers'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import Koa2 from 'koa2'
import { csrf as expressCsrf, session as expressSession } from '../../../src/adapters/express.ts'
import { withSession as fetchSession } from '../../../src/adapters/fetch.ts'
import { csrf as koaCsrf, session as koaSession } from '../../../src/adapters/koa.ts'
import { withSession as nodeSession } from '../../../src/adapters/node.ts'
import type { CsrfOptions, Session, Sessions } from '../../../src/index.ts'
import { listen } from './frameworks.ts'
import type { Data, Running } from './frameworks.ts'

export interface Setup {
  readonly sessions: Sessions<Data>
  readonly options?: CsrfOptions
  /** Whether what proxies say is believed. */
  readonly proxied?: boolean
  /** Mounts the check before the session, as nobody should. */
  readonly isMisplaced?: boolean
  /** Does not load the session before it is asked for. */
  readonly lazy?: boolean
}

export interface Site extends Running {
  /** The requests that got through to the application, `POST /path`. */
  readonly handled: readonly string[]
}

export interface Guarded {
  readonly name: string
  /** Somebody parses bodies before the check. */
  readonly readsForms: boolean
  /** It mounts the check apart from the session, and handles errors of both. */
  readonly hasMiddleware: boolean
  /** It has a setting of which proxies to believe. */
  readonly knowsProxies: boolean
  serve(setup: Setup): Promise<Site>
}

const framework = { readsForms: true, hasMiddleware: true, knowsProxies: true } as const
const bare = { readsForms: true, hasMiddleware: false, knowsProxies: false } as const

export const guarded: readonly Guarded[] = [
  { name: 'Koa 3', ...framework, serve: koa(Koa) },
  { name: 'Koa 2', ...framework, serve: koa(Koa2) },
  { name: 'Express 5', ...framework, serve: expressLike(express) },
  { name: 'Express 4', ...framework, serve: expressLike(express4) },
  { name: 'Connect 3', ...framework, knowsProxies: false, serve: expressLike(connect) },
  { name: 'node:http', ...bare, serve: node('http1') },
  { name: 'node:http2', ...bare, serve: node('http2') },
  { name: 'Fetch', ...bare, readsForms: false, serve: bridge },
]

interface Answer {
  readonly status: number
  readonly body: string
}

/** What the application does, once a request is let through. */
async function act(
  handled: string[],
  method: string,
  url: string,
  session: () => Promise<Session<Data>>,
): Promise<Answer> {
  const path = url.split('?')[0] ?? ''
  handled.push(`${method} ${path}`)
  if (path === '/token') return { status: 200, body: await (await session()).csrfToken() }
  if (path === '/views') return { status: 200, body: String((await session()).views) }
  if (path === '/count') await (await session()).increment('views')
  if (path === '/new-id') {
    const live = await session()
    await live.regenerate({ keepData: true })
    await live.save()
  }
  if (path === '/sign-in') {
    const live = await session()
    await live.signIn('ada')
    return { status: 200, body: JSON.stringify(live.meta.device) }
  }
  return { status: 200, body: 'done' }
}

type Next = (error?: unknown) => void
type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => void

/** As body parsers do: what the client sends, with the types that it likes. */
function parseForm(type: string | undefined, body: string): unknown {
  if (type === 'application/json') return JSON.parse(body)
  const form: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  const fields = new URLSearchParams(body)
  for (const name of new Set(fields.keys())) {
    const values = fields.getAll(name)
    form[name] = values.length === 1 ? values[0] : values
  }
  return form
}

async function readForm(request: IncomingMessage): Promise<void> {
  const body = await text(request)
  if (body !== '')
    Object.assign(request, { body: parseForm(request.headers['content-type'], body) })
}

function koa(Application: typeof Koa): Guarded['serve'] {
  return async ({ sessions, options, proxied = false, isMisplaced = false, lazy = false }) => {
    const app = new Application()
    app.proxy = proxied
    const errors: unknown[] = []
    const handled: string[] = []
    app.on('error', (error) => errors.push(error))
    app.use(async (ctx, next) => {
      await readForm(ctx.req)
      Object.assign(ctx.request, { body: (ctx.req as { body?: unknown }).body })
      await next()
    })
    if (isMisplaced) app.use(koaCsrf(sessions, options))
    app.use(koaSession(sessions, { lazy }))
    if (!isMisplaced) app.use(koaCsrf(sessions, options))
    app.use(async (ctx) => {
      const { status, body } = await act(handled, ctx.method, ctx.url, () =>
        sessions.getSession(ctx),
      )
      ctx.status = status
      ctx.body = body
    })
    // Tests see refusals; nobody else needs to.
    app.silent = true
    const listener = app.callback()
    const server = createServer((request, response) => void listener(request, response))
    return { ...(await listen(server, 'http1', errors)), handled }
  }
}

interface ExpressLike {
  (request: IncomingMessage, response: ServerResponse): void
  use(handler: Handler): unknown
  use(
    handler: (error: unknown, request: unknown, response: ServerResponse, next: Next) => void,
  ): unknown
  set?(name: string, value: unknown): unknown
}

function expressLike(create: () => unknown): Guarded['serve'] {
  return async ({ sessions, options, proxied = false, isMisplaced = false, lazy = false }) => {
    const app = create() as ExpressLike
    app.set?.('trust proxy', proxied)
    const errors: unknown[] = []
    const handled: string[] = []
    app.use(express.urlencoded({ extended: true, limit: '2mb' }) as Handler)
    app.use(express.json({ limit: '2mb' }) as Handler)
    if (isMisplaced) app.use(expressCsrf(sessions, options))
    app.use(expressSession(sessions, { lazy }))
    if (!isMisplaced) app.use(expressCsrf(sessions, options))
    app.use((request, response, next) => {
      act(handled, request.method ?? '', request.url ?? '', () => sessions.getSession(request))
        .then(({ status, body }) => response.writeHead(status).end(body))
        .catch(next)
    })
    app.use((error: unknown, _request: unknown, response: ServerResponse, _next: Next) => {
      errors.push(error)
      response.statusCode = Number((error as { status?: unknown }).status ?? 500)
      response.end('refused')
    })
    return { ...(await listen(createServer(app), 'http1', errors)), handled }
  }
}

function node(protocol: 'http1' | 'http2'): Guarded['serve'] {
  return async ({ sessions, options }) => {
    const handled: string[] = []
    const listener = nodeSession(
      sessions,
      async (request: IncomingMessage, response: ServerResponse) => {
        const { status, body } = await act(handled, request.method ?? '', request.url ?? '', () =>
          sessions.getSession(request),
        )
        response.writeHead(status).end(body)
      },
      { csrf: options ?? true },
    )
    const parsed = (request: IncomingMessage, response: ServerResponse): void => {
      readForm(request).then(
        () => listener(request, response),
        () => response.destroy(),
      )
    }
    const server =
      protocol === 'http1'
        ? createServer(parsed)
        : createHttp2Server((request, response) => {
            parsed(request as unknown as IncomingMessage, response as unknown as ServerResponse)
          })
    return { ...(await listen(server, protocol)), handled }
  }
}

async function bridge({ sessions, options }: Setup): Promise<Site> {
  const handled: string[] = []
  const answer = fetchSession(
    sessions,
    async (request) => {
      const { pathname } = new URL(request.url)
      const session = () => sessions.getSession(request)
      const { status, body } = await act(handled, request.method, pathname, session)
      return new Response(request.method === 'HEAD' ? null : body, { status })
    },
    {
      csrf: options ?? true,
      ip: (request) => request.headers.get('x-real-ip') ?? undefined,
    },
  )
  const listener = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(incoming.headersDistinct))
      for (const value of values) headers.append(name, value)
    const url = `http://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`
    const method = incoming.method ?? 'GET'
    const body = await text(incoming)
    const response = await answer(
      new Request(url, { method, headers, ...(body === '' ? {} : { body }) }),
    )
    outgoing.statusCode = response.status
    for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  }
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing))
  return { ...(await listen(server)), handled }
}
