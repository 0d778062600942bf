/** The frameworks whose handlers write to the response of node:http themselves, with or without sessions. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import { session as expressSession } from '../../../src/adapters/express.ts'
import { session as koaSession } from '../../../src/adapters/koa.ts'
import { withSession } from '../../../src/adapters/node.ts'
import { createSessions } from '../../../src/index.ts'
import type { Session, Sessions } from '../../../src/index.ts'
import { browser } from './browser.ts'
import { listen } from './frameworks.ts'
import type { Data, Running } from './frameworks.ts'
import { stagedStore } from './store.ts'
import type { StagedStore } from './store.ts'

/** `session` is undefined where the same handler runs without handstamp, for comparison. */
export type RawHandler = (
  response: ServerResponse,
  session: Session<Data> | undefined,
  request: IncomingMessage,
) => unknown

export interface RawFramework {
  readonly name: string
  readonly protocol: 'http1' | 'http2'
  /** Errors reach an error handling of the framework. */
  readonly handlesErrors: boolean
  serve(sessions: Sessions<Data> | undefined, handler: RawHandler): Promise<Running>
}

export const rawFrameworks: readonly RawFramework[] = [
  row('Express 5', connectLike(express)),
  row('Express 4', connectLike(express4)),
  row('Connect 3', connectLike(connect)),
  row('Koa 3, past Koa', koa),
  row('node:http', node, { handlesErrors: false }),
  row('node:http2', node2, { handlesErrors: false, protocol: 'http2' }),
]

function row(
  name: string,
  serve: RawFramework['serve'],
  more: Partial<RawFramework> = {},
): RawFramework {
  return { name, protocol: 'http1', handlesErrors: true, serve, ...more }
}

type Next = (error?: unknown) => void
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown
interface App {
  (request: IncomingMessage, response: ServerResponse): void
  use(handler: (request: IncomingMessage, response: ServerResponse, next: Next) => void): unknown
  use(
    handler: (
      error: unknown,
      request: IncomingMessage,
      response: ServerResponse,
      next: Next,
    ) => void,
  ): unknown
}

function connectLike(create: () => unknown): RawFramework['serve'] {
  return async (sessions, handler) => {
    const app = create() as App
    const errors: unknown[] = []
    if (sessions) app.use(expressSession(sessions))
    app.use((request, response, next) => {
      const { session } = request as IncomingMessage & { session?: Session<Data> }
      Promise.resolve()
        .then(() => handler(response, session, request))
        .catch(next)
    })
    app.use((error: unknown, _request: IncomingMessage, _response: ServerResponse, next: Next) => {
      errors.push(error)
      next(error)
    })
    return listen(createServer(app), 'http1', errors)
  }
}

async function koa(sessions: Sessions<Data> | undefined, handler: RawHandler): Promise<Running> {
  const app = new Koa()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  if (sessions) app.use(koaSession(sessions))
  app.use(async (ctx) => {
    ctx.respond = false
    ctx.res.statusCode = 200
    await handler(ctx.res, (ctx as unknown as { session?: Session<Data> }).session, ctx.req)
  })
  const listener = app.callback()
  return listen(
    createServer((request, response) => void listener(request, response)),
    'http1',
    errors,
  )
}

function bare(sessions: Sessions<Data> | undefined, handler: RawHandler): Listener {
  if (!sessions) return (request, response) => handler(response, undefined, request)
  return withSession(sessions, async (request: IncomingMessage, response: ServerResponse) => {
    await handler(response, await sessions.getSession(request), request)
  })
}

async function node(sessions: Sessions<Data> | undefined, handler: RawHandler): Promise<Running> {
  const listener = bare(sessions, handler)
  return listen(createServer((request, response) => void listener(request, response)))
}

async function node2(sessions: Sessions<Data> | undefined, handler: RawHandler): Promise<Running> {
  const listener = bare(sessions, handler) as unknown as (request: object, response: object) => void
  return listen(
    createHttp2Server((request, response) => listener(request, response)),
    'http2',
  )
}

export interface RawSite {
  readonly store: StagedStore
  readonly sessions: Sessions<Data>
  readonly server: Running
}

/** A server with a store of its own. `/ping` answers at once and leaves the session alone. */
export async function rawSite(framework: RawFramework, handler: RawHandler): Promise<RawSite> {
  const store = stagedStore()
  // The tests are about order, not about speed: no deadline may decide them on a busy machine.
  const sessions = createSessions<Data>({ storeTimeout: '60s', store })
  const server = await framework.serve(sessions, (response, session, request) =>
    request.url === '/ping' ? response.end('pong') : handler(response, session, request),
  )
  return { store, sessions, server }
}

/** Whatever the server had to say before has arrived after this. */
export async function roundTrip(server: Running): Promise<void> {
  const other = await browser(server)
  for (let times = 0; times < 2; times++) {
    if ((await other.get('/ping')).text !== 'pong') throw new Error('the server is not well')
  }
}
