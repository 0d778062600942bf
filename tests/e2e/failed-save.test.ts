/** Nothing of a handler's answer reaches the client if the session it depends on was not saved. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { session as expressSession } from '../../src/adapters/express.ts'
import { session as koaSession } from '../../src/adapters/koa.ts'
import { createSessions } from '../../src/index.ts'
import type { Session } from '../../src/index.ts'
import { barrier } from './support/barrier.ts'
import { browser, connectTo } from './support/browser.ts'
import { listen } from './support/frameworks.ts'
import type { Data, Running } from './support/frameworks.ts'
import { rawFrameworks, rawSite, roundTrip } from './support/raw-frameworks.ts'
import { stagedStore } from './support/store.ts'

/** Promises that wait for each other go on; whatever waits for the outer world does not. */
async function letPromisesGoOn(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await Promise.resolve()
}

describe.each(rawFrameworks.map((framework) => ({ framework, name: framework.name })))(
  '$name',
  ({ framework }) => {
    test('a handler that goes on writing after the failure is not heard', async () => {
      const told: unknown[] = []
      const { store, sessions, server } = await rawSite(framework, async (response, session) => {
        if (session) session.user = 'ann'
        const failed = once(sessions.events, 'storeFailed')
        response.write('handler one', () => told.push('first callback'))
        await failed
        await letPromisesGoOn()
        response.write('handler two', () => told.push('second callback'))
        await letPromisesGoOn()
        response.end('handler three')
      })
      store.fail('create')
      const answer = await (await connectTo(server)).send('/').answer
      expect(answer.status).toBe(503)
      expect(answer.text).not.toContain('handler')
      await roundTrip(server)
      expect(told).toEqual(['first callback', 'second callback'])
    })

    test('what the handler waits for is called back with the error', async () => {
      const outcome = barrier<unknown>()
      const { store, server } = await rawSite(framework, async (response, session) => {
        if (session) session.user = 'ann'
        outcome.open(await new Promise((resolve) => response.end('handler', resolve as () => void)))
      })
      store.fail('create')
      expect((await (await connectTo(server)).send('/').answer).status).toBe(503)
      expect(await outcome.passed).toMatchObject({ code: 'ERR_STORE' })
    })

    test.runIf(!framework.handlesErrors)(
      'a listener that fails after it has answered does not break the answer off',
      async () => {
        const { store, server } = await rawSite(framework, async (response, session) => {
          if (session) session.user = 'ann'
          response.end('handler')
          await session?.save()
        })
        store.fail('create')
        const connection = await connectTo(server)
        const { status, text } = await connection.send('/').answer
        expect([status, text]).toEqual([503, 'Service Unavailable'])
        expect((await connection.send('/ping').answer).text).toBe('pong')
      },
    )

    const mistakes: [title: string, answer: (response: ServerResponse) => unknown][] = [
      ['a status that is none', (response) => response.writeHead(99)],
      ['a header that is none', (response) => response.writeHead(200, { 'X-Kind': 'a\nb' })],
      ['a body that is none', (response) => response.end({} as string)],
    ]

    test.runIf(framework.handlesErrors).each(mistakes)(
      'a handler that answers with %s gets the error page, also where its answer was held',
      async (_, answer) => {
        const { store, server } = await rawSite(framework, (response, session) => {
          if (session) session.user = 'ann'
          answer(response)
        })
        const hold = store.hold()
        const exchange = (await connectTo(server)).send('/')
        await hold.reached
        hold.release()
        expect((await exchange.answer).status).toBe(500)
        expect(server.errors).toHaveLength(1)
        await roundTrip(server)
      },
    )
  },
)

type Next = (error?: unknown) => void
type Handler = (
  request: IncomingMessage & { session: Session<Data> },
  response: ServerResponse,
  next: Next,
) => unknown
type ErrorHandler = (
  error: { status: number },
  request: IncomingMessage,
  response: ServerResponse,
  next: Next,
) => unknown
interface App {
  (request: IncomingMessage, response: ServerResponse): void
  use(handler: unknown): unknown
}

const creators: [name: string, create: () => unknown][] = [
  ['Express 5', express],
  ['Express 4', express4],
  ['Connect 3', connect],
]

describe.each(creators)('the error handling of %s', (_, create) => {
  async function serve(handler: Handler, errorHandler: ErrorHandler): Promise<Running> {
    const store = stagedStore()
    store.fail('create')
    const app = create() as App
    app.use(expressSession(createSessions<Data>({ store, storeTimeout: '60s' })))
    app.use((request: never, response: ServerResponse, next: Next) => {
      Promise.resolve(handler(request, response, next)).catch(next)
    })
    // Frameworks tell an error handler by its four parameters.
    app.use((error: never, request: never, response: ServerResponse, next: Next) =>
      errorHandler(error, request, response, next),
    )
    return listen(createServer(app))
  }

  const write: Handler = ({ session }, response) => {
    session.user = 'ann'
    response.setHeader('Content-Type', 'text/x-handler')
    response.end('handler')
  }
  const stream: Handler = ({ session }, response) => {
    session.user = 'ann'
    response.write('handler')
  }

  test('answers with its own page', async () => {
    const server = await serve(write, ({ status }, _request, response) => {
      response.statusCode = status
      response.setHeader('X-Page', 'error')
      response.end('our error page')
    })
    const { status, text, headers } = await (await browser(server)).get()
    expect([status, text]).toEqual([503, 'our error page'])
    expect([headers['content-type'], headers['x-page']]).toEqual([undefined, ['error']])
  })

  test('answers with its own page, sent in pieces', async () => {
    const server = await serve(stream, (_error, _request, response) => {
      response.writeHead(503, { 'X-Page': 'error' })
      response.write('our ')
      response.end('error page')
    })
    const { status, text } = await (await browser(server)).get()
    expect([status, text]).toEqual([503, 'our error page'])
  })

  test.each([
    ['its own page, later, while the handler goes on', 'status', 'our error page'],
    ['its own page, later, and says no status', 'header', 'our error page'],
  ])('answers with %s', async (_title, touch, page) => {
    const failed = barrier()
    const handlerIsDone = barrier()
    const server = await serve(
      async ({ session }, response) => {
        session.user = 'ann'
        response.write('handler one')
        await failed.passed
        response.write('handler two')
        handlerIsDone.open()
      },
      async (error, _request, response) => {
        failed.open()
        await handlerIsDone.passed
        if (touch === 'status') response.statusCode = error.status
        else response.setHeader('X-Page', 'error')
        response.end(page)
      },
    )
    const { status, text } = await (await browser(server)).get()
    expect([status, text]).toEqual([503, page])
  })

  test('that forgets the status does not turn the failure into a success', async () => {
    const server = await serve(write, (_error, _request, response) => response.end('oops'))
    const { status, text } = await (await browser(server)).get()
    expect([status, text]).toEqual([503, 'oops'])
  })

  test('is not waited for by a handler that ends the response after the failure', async () => {
    const failed = barrier()
    const server = await serve(
      async ({ session }, response) => {
        session.user = 'ann'
        response.write('handler one')
        await failed.passed
        response.end('handler two')
      },
      () => failed.open(),
    )
    const { status, text } = await (await browser(server)).get()
    expect([status, text]).toEqual([503, 'Service Unavailable'])
  })

  const seconds: [title: string, go: (response: ServerResponse, next: Next) => void][] = [
    ['calls next()', (_response, next) => next()],
    [
      'throws',
      () => {
        throw new Error('too late')
      },
    ],
    [
      'answers again',
      (response) => {
        response.setHeader('Content-Length', 5)
        response.end('again')
      },
    ],
  ]

  describe.each(seconds)('has no say where a handler answers and then %s', (_title, go) => {
    test.each(['our', "the framework's"])('(%s error page)', async (page) => {
      const store = stagedStore()
      const app = create() as App
      app.use(expressSession(createSessions<Data>({ store, storeTimeout: '60s' })))
      app.use(((request, response, next) => {
        if (request.url === '/ping') return response.end('pong')
        request.session.user = 'ann'
        response.end('handler')
        return go(response, next)
      }) satisfies Handler)
      app.use((error: unknown, _request: never, response: ServerResponse, next: Next) => {
        if (response.headersSent || page !== 'our') return next(error)
        response.statusCode = 500
        response.setHeader('Content-Length', 14)
        return response.end('our error page')
      })
      const server = await listen(createServer(app))
      const hold = store.hold()
      const exchange = (await connectTo(server)).send('/')
      await hold.reached
      await roundTrip(server)
      hold.release()
      const answer = await exchange.answer
      expect([answer.status, answer.text]).toEqual([200, 'handler'])
      expect(answer.cookies).toHaveLength(1)
    })
  })
})

describe('two kinds of session on one response', () => {
  test.each([
    ['first', 0],
    ['second', 1],
  ])('if the save of the %s fails the client gets the error page', async (_, broken) => {
    const stores = [stagedStore(), stagedStore()] as const
    const [first, second] = [
      createSessions<Data>({ store: stores[0], storeTimeout: '60s' }),
      createSessions<Data>({ store: stores[1], storeTimeout: '60s', cookie: { name: 'staff' } }),
    ]
    const app = express()
    app.use(expressSession(first, { property: 'one' }), expressSession(second, { property: 'two' }))
    app.use((request, response) => {
      const { one, two } = request as unknown as Record<'one' | 'two', Session<Data>>
      one.user = 'ann'
      two.user = 'bob'
      response.send('handler')
    })
    const errors: unknown[] = []
    app.use(((error, _request, response, _next) => {
      errors.push(error)
      response.status(error.status).send('our error page')
    }) as express.ErrorRequestHandler)
    stores[broken]?.fail('create')
    const answer = await (await browser(await listen(createServer(app)))).get()
    expect([answer.status, answer.text]).toEqual([503, 'our error page'])
    expect(errors).toMatchObject([{ code: 'ERR_STORE' }])
    const names = answer.cookies.map((line) => line.split('=')[0])
    // The other one was saved, and its cookie counts.
    expect(names).toEqual(broken === 0 ? ['staff'] : ['sid'])
  })
})

describe('Koa', () => {
  async function serve(middleware: Koa.Middleware, handler: Koa.Middleware): Promise<Running> {
    const store = stagedStore()
    store.fail('create')
    const app = new Koa()
    const errors: unknown[] = []
    app.on('error', (error) => errors.push(error))
    app.use(middleware)
    app.use(koaSession(createSessions<Data>({ store, storeTimeout: '60s' })))
    app.use(handler)
    const listener = app.callback()
    const server = createServer((request, response) => void listener(request, response))
    return listen(server, 'http1', errors)
  }
  const write: Koa.Middleware = (ctx) => {
    ;(ctx as unknown as { session: Session<Data> }).session.user = 'ann'
    ctx.body = 'handler'
  }

  test('a middleware in front catches the failed save and answers', async () => {
    const server = await serve(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        ctx.status = (error as { status: number }).status
        ctx.body = 'our error page'
      }
    }, write)
    const { status, text } = await (await browser(server)).get()
    expect([status, text, server.errors]).toEqual([503, 'our error page', []])
  })

  test('a middleware in front that swallows the failed save still cannot send the new cookie', async () => {
    const server = await serve(async (_ctx, next) => next().catch(() => undefined), write)
    const { cookies } = await (await browser(server)).get()
    expect(cookies).toEqual([])
  })

  test('a handler that throws while its session cannot be saved gets the error page of Koa', async () => {
    const server = await serve(
      (_ctx, next) => next(),
      (ctx, next) => {
        void write(ctx, next)
        throw new Error('the handler is broken')
      },
    )
    const { status, text } = await (await browser(server)).get()
    expect(status).toBe(503)
    expect(text).toBe('Service Unavailable')
    expect(server.errors).toMatchObject([
      { message: 'the handler is broken' },
      { code: 'ERR_STORE' },
    ])
  })
})
