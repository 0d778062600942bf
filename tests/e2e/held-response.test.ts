/** No byte of a response leaves before the session it depends on is saved, however a handler answers. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { barrier } from './support/barrier.ts'
import { browser, connectTo } from './support/browser.ts'
import type { Answer } from './support/browser.ts'
import { rawFrameworks, rawSite, roundTrip } from './support/raw-frameworks.ts'

interface Shape {
  readonly title: string
  readonly method?: string
  /** Answers the request; what it returns is what the handler noticed. */
  answer(response: ServerResponse, request: IncomingMessage): unknown
}

const megabytes = randomBytes(5 << 20)

/** Chunks of 16 kB, and how many were asked for so far. */
function source(): { readonly stream: Readable; pulled(): number } {
  let at = 0
  const chunk = 16 << 10
  const stream = new Readable({
    highWaterMark: chunk,
    read() {
      this.push(at < megabytes.length ? megabytes.subarray(at, at + chunk) : null)
      at += chunk
    },
  })
  return { stream, pulled: () => at / chunk }
}

/** What a handler gets to see of an error, where there is one. */
function outcomeOf(call: () => unknown): string {
  try {
    call()
    return 'done'
  } catch (error) {
    return String((error as { code?: string }).code)
  }
}

const SECRET = 'what only a saved session may see'

const shapes: readonly Shape[] = [
  {
    title: 'writeHead, write, write and end',
    answer(response) {
      response.writeHead(201, { 'Content-Type': 'text/plain', 'X-Kind': 'chunks' })
      response.write(`${SECRET}, `)
      response.write('two, ')
      response.end('three')
    },
  },
  {
    title: 'write without writeHead',
    answer(response) {
      response.statusCode = 202
      response.setHeader('X-Kind', 'implicit')
      response.write(SECRET)
      response.end()
    },
  },
  {
    title: 'flushHeaders, and the body later',
    async answer(response) {
      response.setHeader('X-Kind', 'flushed')
      response.flushHeaders()
      await new Promise((resolve) => setImmediate(resolve))
      response.end(SECRET)
    },
  },
  { title: 'end with a body', answer: (response) => void response.end(SECRET) },
  { title: 'end without a body', answer: (response) => void response.end() },
  {
    title: 'end with an encoding',
    answer: (response) => void response.end('d2hhdCBvbmx5', 'base64'),
  },
  { title: 'end with a Buffer', answer: (response) => void response.end(Buffer.from(SECRET)) },
  {
    title: 'callbacks of write and end',
    async answer(response) {
      await new Promise((resolve) => response.write(SECRET, resolve))
      await new Promise<void>((resolve) => response.end('end', () => resolve()))
      return 'both called'
    },
  },
  {
    title: 'HEAD',
    method: 'HEAD',
    answer(response) {
      response.setHeader('Content-Length', SECRET.length)
      response.end(SECRET)
    },
  },
  { title: '204', answer: (response) => void response.writeHead(204).end() },
  {
    title: '304',
    answer(response) {
      response.setHeader('ETag', '"1"')
      response.statusCode = 304
      response.end()
    },
  },
  {
    title: 'a redirect',
    answer: (response) => void response.writeHead(302, { Location: '/secret' }).end(),
  },
  {
    title: 'writeHead with message and headers',
    answer(response, request) {
      if (request.httpVersionMajor > 1) response.writeHead(200, { 'X-Kind': 'message' })
      else response.writeHead(200, 'Fine', { 'X-Kind': 'message' })
      response.end(SECRET)
    },
  },
  {
    title: 'a stream of 5 MB',
    async answer(response) {
      source().stream.pipe(response)
      await once(response, 'finish')
    },
  },
  {
    title: 'a pipeline of 5 MB',
    // Where there is an error page instead, the pipeline says that it did not get through.
    answer: (response) => pipeline(source().stream, response).catch(() => 'broken'),
  },
  {
    title: 'end twice',
    answer: (response) => void response.end(SECRET).end(),
  },
  {
    title: 'headers, status and body after the first write come too late',
    answer(response) {
      response.setHeader('X-Kind', 'first')
      response.write(SECRET)
      response.statusCode = 404
      const outcomes = [
        response.headersSent,
        response.writableEnded,
        outcomeOf(() => response.setHeader('X-Kind', 'second')),
        outcomeOf(() => response.setHeader('Content-Length', 1)),
        outcomeOf(() => response.removeHeader('X-Kind')),
        outcomeOf(() => response.appendHeader('X-Kind', 'third')),
      ]
      response.end()
      return [...outcomes, response.writableEnded]
    },
  },
  {
    title: 'headers and status after the end come too late',
    answer(response) {
      response.setHeader('X-Kind', 'first')
      response.end(SECRET)
      response.statusCode = 404
      outcomeOf(() => response.setHeader('X-Kind', 'second'))
      outcomeOf(() => response.setHeader('Content-Length', 1))
      outcomeOf(() => response.removeHeader('X-Kind'))
      outcomeOf(() => response.writeHead(404, { 'X-Kind': 'third' }))
      return response.writableEnded
    },
  },
  {
    title: 'a second writeHead comes too late',
    answer(response) {
      response.writeHead(203, { 'X-Kind': 'first' })
      const outcome = outcomeOf(() => response.writeHead(404, { 'X-Kind': 'second' }))
      response.end(SECRET)
      return outcome
    },
  },
  {
    title: 'trailers',
    answer(response) {
      response.writeHead(200, { Trailer: 'x-sum' })
      response.write(SECRET)
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    },
  },
  {
    title: 'a cookie of the application, before and in writeHead',
    answer(response) {
      response.setHeader('Set-Cookie', 'before=1')
      response.setHeader('X-Kind', 'before')
      response.writeHead(200, { 'Set-Cookie': ['one=1', 'two=2'], 'X-Kind': 'after' })
      response.end(SECRET)
    },
  },
  {
    title: 'a cookie of the application in writeHead alone',
    answer(response) {
      response.writeHead(200, { 'set-cookie': 'one=1', Link: ['</a>', '</b>'] }).end(SECRET)
    },
  },
]

/** node:http of some versions keeps only the last of equal names here; with sessions all arrive. */
const lists: [title: string, headers: unknown[]][] = [
  ['a flat list', ['Set-Cookie', 'one=1', 'Set-Cookie', 'two=2', 'Link', '</a>', 'Link', '</b>']],
  [
    'a list of pairs',
    [
      ['Set-Cookie', 'one=1'],
      ['Set-Cookie', 'two=2'],
      ['Link', '</a>'],
      ['Link', '</b>'],
    ],
  ],
]

/** Everything but what differs between two requests anyway, and our two lines. */
function essence({ status, headers, body, trailers }: Answer): object {
  const { date: _, 'cache-control': __, 'set-cookie': cookies = [], ...others } = headers
  return {
    status,
    headers: others,
    cookies: cookies.filter((line) => !line.startsWith('sid=')),
    trailers,
    length: body.length,
    hash: createHash('sha256').update(body).digest('hex'),
  }
}

describe.each(rawFrameworks.map((framework) => ({ framework, name: framework.name })))(
  '$name',
  ({ framework }) => {
    describe.each(shapes)('$title', ({ method = 'GET', answer }) => {
      test('arrives as without sessions, and not a byte of it before the save', async () => {
        const plain = barrier<unknown>()
        const without = await framework.serve(undefined, async (response, _session, request) =>
          plain.open(await answer(response, request)),
        )
        const expected = await (await connectTo(without)).send('/', { method }).answer

        const noticed = barrier<unknown>()
        const { store, server } = await rawSite(framework, async (response, session, request) => {
          if (session) session.user = 'ann'
          noticed.open(await answer(response, request))
        })
        const hold = store.hold()
        const connection = await connectTo(server)
        const exchange = connection.send('/', { method })
        await hold.reached
        await roundTrip(server)
        expect(await connection.received()).toBe(0)
        hold.release()
        const actual = await exchange.answer
        expect(essence(actual)).toEqual(essence(expected))
        expect(actual.cookies.filter((line) => line.startsWith('sid='))).toHaveLength(1)
        expect(actual.headers['cache-control']).toEqual(['no-store'])
        expect(await noticed.passed).toEqual(await plain.passed)
      })

      test('does not arrive where the save fails', async () => {
        const { store, server, sessions } = await rawSite(
          framework,
          async (response, session, request) => {
            if (session) session.user = 'ann'
            await answer(response, request)
          },
        )
        const failed = once(sessions.events, 'storeFailed')
        store.fail('create')
        const actual = await (await connectTo(server)).send('/', { method }).answer
        await failed
        expect(actual.status).toBe(503)
        expect(actual.text).not.toContain('what')
        expect(actual.body.length).toBeLessThan(10_000)
        expect(actual.cookies.filter((line) => line.startsWith('sid='))).toEqual([])
        expect(JSON.stringify(actual.headers)).not.toContain('/secret')
        expect(server.errors).toMatchObject(framework.handlesErrors ? [{ code: 'ERR_STORE' }] : [])
        store.heal()
        await roundTrip(server)
      })
    })

    test.runIf(framework.protocol === 'http1').each(lists)(
      'cookies of the application arrive that are given to writeHead as %s',
      async (_, headers) => {
        const { server } = await rawSite(framework, (response, session) => {
          if (session) session.user = 'ann'
          response.writeHead(200, headers as string[]).end(SECRET)
        })
        const answer = await (await connectTo(server)).send('/').answer
        expect(answer.text).toBe(SECRET)
        expect(answer.cookies.map((line) => line.split('=')[0])).toEqual(['one', 'two', 'sid'])
        expect(answer.headers['link']).toEqual(['</a>', '</b>'])
      },
    )

    test('a response that has no cookie of ours keeps what the application says of caches and cookies', async () => {
      const { server } = await rawSite(framework, (response) => {
        response.setHeader('Set-Cookie', 'one=1')
        response.writeHead(200, { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'two=2' }).end()
      })
      const answer = await (await connectTo(server)).send('/').answer
      expect(answer.cookies).toEqual(['two=2'])
      expect(answer.headers['cache-control']).toEqual(['max-age=60'])
    })

    test('a stream waits while its response is held', async () => {
      const { stream, pulled } = source()
      const { store, server } = await rawSite(framework, (response, session) => {
        if (session) session.user = 'ann'
        stream.pipe(response)
      })
      const hold = store.hold()
      const exchange = (await connectTo(server)).send('/')
      await hold.reached
      await roundTrip(server)
      expect(pulled()).toBeLessThanOrEqual(4)
      hold.release()
      expect((await exchange.answer).body.equals(megabytes)).toBe(true)
    })

    test('what is written to the session between the head and the end is saved too', async () => {
      const { store, server } = await rawSite(framework, (response, session, request) => {
        if (request.url === '/read') return response.end(`${session?.user} ${session?.note}`)
        if (session) session.user = 'ann'
        response.writeHead(200)
        response.write('one')
        if (session) session.note = 'later'
        return response.end('two')
      })
      const visitor = await browser(server)
      const hold = store.hold()
      const answer = visitor.get()
      await hold.reached
      hold.release()
      expect((await answer).text).toBe('onetwo')
      expect((await visitor.get('/read')).text).toBe('ann later')
    })
  },
)
