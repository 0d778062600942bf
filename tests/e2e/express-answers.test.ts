/** Everything Express can answer with arrives as without sessions, and not a byte of it before the save. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import express4 from 'express4'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import type { WithSession } from '../../src/adapters/express.ts'
import { createSessions, HandstampError } from '../../src/index.ts'
import { barrier } from './support/barrier.ts'
import { browser, connectTo } from './support/browser.ts'
import type { Answer } from './support/browser.ts'
import { listen } from './support/frameworks.ts'
import type { Data, Running } from './support/frameworks.ts'
import { roundTrip } from './support/raw-frameworks.ts'
import { stagedStore } from './support/store.ts'
import type { StagedStore } from './support/store.ts'

const content = randomBytes(1 << 20)
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'express-answers-'))
  writeFileSync(join(folder, 'film.bin'), content)
})
afterAll(() => rmSync(folder, { recursive: true }))

const film = (): string => join(folder, 'film.bin')

interface Shape {
  readonly title: string
  readonly method?: string
  readonly headers?: Record<string, string>
  /** All error handlers have been passed when this answers: only an event tells of the failure. */
  readonly isLast?: boolean
  /** `next` is that of Express. */
  answer(response: express.Response, next: express.NextFunction): unknown
}

const shapes: readonly Shape[] = [
  { title: 'send', answer: (response) => response.send('<p>page</p>') },
  { title: 'send of a Buffer', answer: (response) => response.send(Buffer.from('page')) },
  { title: 'json', answer: (response) => response.status(201).json({ page: 1 }) },
  { title: 'jsonp', answer: (response) => response.jsonp({ page: 1 }) },
  { title: 'sendStatus', answer: (response) => response.sendStatus(404) },
  { title: 'redirect', answer: (response) => response.redirect(303, '/elsewhere') },
  { title: 'send to HEAD', method: 'HEAD', answer: (response) => response.send('page') },
  {
    title: 'send of what the client has already',
    headers: { 'If-None-Match': '*' },
    answer: (response) => response.set('ETag', '"1"').send('page'),
  },
  { title: 'sendFile', answer: (response) => response.sendFile(film()) },
  { title: 'sendFile to HEAD', method: 'HEAD', answer: (response) => response.sendFile(film()) },
  {
    title: 'sendFile of a range',
    headers: { Range: 'bytes=1000-500000' },
    answer: (response) => response.sendFile(film()),
  },
  {
    title: 'sendFile of a file that is not there',
    isLast: true,
    answer: (response, next) => response.sendFile(`${film()}.not`, next),
  },
  { title: 'download', answer: (response) => response.download(film(), 'holiday.bin') },
  {
    title: 'download with a callback',
    answer: (response, next) =>
      response.download(film(), (error) => {
        if (error) next(error)
      }),
  },
  {
    title: 'a static file',
    answer: (response, next) => {
      response.req.url = '/film.bin'
      express.static(folder)(response.req, response, next)
    },
  },
  { title: 'nothing but next()', isLast: true, answer: (_response, next) => next() },
  { title: 'an error', isLast: true, answer: (_response, next) => next(new Error('broken')) },
]

async function serve(
  create: typeof express,
  shape: Shape,
  store?: StagedStore,
): Promise<Running & { readonly answered: Promise<void> }> {
  const app = create()
  const answered = barrier()
  app.get('/ping', (_request, response) => void response.send('pong'))
  if (store) app.use(session(createSessions<Data>({ store, storeTimeout: '60s' })))
  app.use((request, response, next) => {
    if (store) (request as unknown as WithSession<Data>).session.user = 'ann'
    response.on('close', () => answered.open())
    shape.answer(response, next)
  })
  const errors: unknown[] = []
  app.use(((error, _request, _response, next) => {
    errors.push(error)
    // The stack of an error differs from run to run.
    next(Object.assign(error, { stack: String(error) }))
  }) as express.ErrorRequestHandler)
  return { ...(await listen(createServer(app), 'http1', errors)), answered: answered.passed }
}

function essence({ status, headers, body }: Answer): object {
  const { date: _, 'cache-control': cacheControl, 'set-cookie': __, ...others } = headers
  return { status, headers: others, body: body.toString('latin1'), cacheControl }
}

describe.each([
  ['5', express],
  ['4', express4],
] as const)('Express %s', (_, create) => {
  describe.each(shapes)('$title', (shape) => {
    const { method = 'GET', headers = {}, isLast = false } = shape

    test('arrives as without sessions, and not a byte of it before the save', async () => {
      const plain = await connectTo(await serve(create, shape))
      const expected = await plain.send('/', { method, headers }).answer
      const store = stagedStore()
      const server = await serve(create, shape, store)
      const hold = store.hold()
      const connection = await connectTo(server)
      const exchange = connection.send('/', { method, headers })
      await hold.reached
      await roundTrip(server)
      expect(await connection.received()).toBe(0)
      hold.release()
      const actual = await exchange.answer
      expect(essence(actual)).toEqual({ ...essence(expected), cacheControl: ['no-store'] })
      expect(actual.cookies).toHaveLength(1)
    })

    test('does not arrive where the save fails', async () => {
      const store = stagedStore()
      store.fail('create')
      const server = await serve(create, shape, store)
      const actual = await (await connectTo(server)).send('/', { method, headers }).answer
      expect(actual.status).toBe(503)
      expect(actual.text).not.toMatch(/page|broken/)
      expect(actual.body.length).toBeLessThan(1000)
      expect(actual.cookies).toEqual([])
      expect(actual.headers['location']).toBeUndefined()
      const reported = server.errors.filter((error) => error instanceof HandstampError)
      expect(reported).toHaveLength(isLast ? 0 : 1)
      await server.answered
      await roundTrip(server)
    })
  })
})

describe.each([
  ['5', express],
  ['4', express4],
] as const)('an app within, entered as a plain function, on Express %s', (_, create) => {
  const copies = [
    ['of the same copy of Express', create],
    ['of another copy, which mounts the sessions too', create === express ? express4 : express],
  ] as const

  test.each(copies)('%s: has the session, and its changes are saved', async (_title, inside) => {
    const store = stagedStore()
    const sessions = createSessions<Data>({ store })
    const outer = create()
    const inner = inside()
    outer.use(session(sessions))
    const router = create.Router()
    router.use('/in', (request, response) => void inner(request as never, response as never))
    outer.use(router)
    if (inside !== create) inner.use(session(sessions))
    inner.use((request, response) => {
      const { session: own } = request as WithSession<Data, express.Request>
      own.views = (own.views ?? 0) + 1
      response.json({ views: own.views })
    })
    const visitor = await browser(await listen(createServer(outer)))
    expect((await visitor.get('/in/a')).text).toBe('{"views":1}')
    expect((await visitor.get('/in/a')).text).toBe('{"views":2}')
    store.fail('update')
    expect((await visitor.get('/in/a')).status).toBe(503)
  })

  test('a head that waits is as closed there as anywhere', async () => {
    const store = stagedStore()
    const sessions = createSessions<Data>({ store })
    const outer = create()
    const inner = create()
    outer.use(session(sessions))
    outer.use((request, response) => void inner(request as never, response as never))
    const seen: unknown[] = []
    inner.use((request, response) => {
      const { session: own } = request as WithSession<Data, express.Request>
      own.views = 1
      response.write('part,')
      seen.push(response.headersSent)
      expect(() => response.setHeader('X-Late', '1')).toThrow('after')
      response.end('whole')
      seen.push(response.writableEnded)
    })
    const visitor = await browser(await listen(createServer(outer)))
    const answer = await visitor.get('/')
    expect([answer.text, seen]).toEqual(['part,whole', [true, true]])
    expect(answer.headers['x-late']).toBeUndefined()
  })
})
