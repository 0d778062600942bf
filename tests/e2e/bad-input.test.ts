/** Whatever arrives as a cookie, and whatever lies in Redis: no crash, no 5xx, no id of somebody else's making. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { session as expressSession } from '../../src/adapters/express.ts'
import { session as koaSession } from '../../src/adapters/koa.ts'
import { withSession } from '../../src/adapters/node.ts'
import { asSessionId, handleOf } from '../../src/core/id.ts'
import { createSessions } from '../../src/index.ts'
import type { Handle, Session, Sessions } from '../../src/index.ts'
import { sessionKey } from '../../src/redis/keys.ts'
import { redisStore } from '../../src/redis/index.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../support/redis.ts'
import { browser } from './support/browser.ts'
import { listen } from './support/frameworks.ts'
import type { Running } from './support/frameworks.ts'
import { badCookie, badDocument, BASE64URL, noise } from './support/noise.ts'
import { rawSocket, requestText } from './support/raw-socket.ts'

/** So many requests are written to a socket at once. */
const AT_ONCE = 250

interface Data {
  user: string
  views: number
}

/** `/in` logs in, `/out` logs out, `/count` counts visits, `/` says who is there. */
function answer(path: string, session: Session<Data>): string | Promise<string> {
  if (path === '/out') return session.destroy().then(() => 'bye')
  if (path === '/in') session.user = 'ann'
  if (path === '/count') session.views = (session.views ?? 0) + 1
  return path === '/count' ? `visit ${session.views}` : (session.user ?? 'nobody')
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

function koaListener(sessions: Sessions<Data>): Listener {
  const app = new Koa()
  app.use(koaSession(sessions))
  app.use(async (ctx) => {
    ctx.body = await answer(ctx.path, (ctx as unknown as { session: Session<Data> }).session)
  })
  const listener = app.callback()
  return (request, response) => void listener(request, response)
}

function expressListener(sessions: Sessions<Data>): Listener {
  const app = express()
  app.set('etag', false)
  app.use(expressSession(sessions))
  app.use((request, response, next) => {
    const { session } = request as unknown as { session: Session<Data> }
    Promise.resolve(answer(request.path, session)).then((text) => response.send(text), next)
  })
  return app
}

function nodeListener(sessions: Sessions<Data>): Listener {
  return withSession(sessions, async (request: IncomingMessage, response: ServerResponse) => {
    response.end(await answer(request.url ?? '/', await sessions.getSession(request)))
  })
}

const isLong = process.env['LONG'] !== undefined
const frameworks: [name: string, many: number, listener: (sessions: Sessions<Data>) => Listener][] =
  [
    ['node:http', 10_000, nodeListener],
    ['Koa', isLong ? 10_000 : 1000, koaListener],
    ['Express', isLong ? 10_000 : 1000, expressListener],
  ]

interface Answer {
  readonly status: number
  readonly body: string
  /** The value of our cookie, where one was set. */
  readonly sid: string | undefined
}

/** Sends requests over sockets, many at once, and resolves to the answers in the same order. */
async function pipelined(
  server: Running,
  requests: readonly { path: string; cookie: string }[],
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let start = 0; start < requests.length; start += AT_ONCE) {
    const part = requests.slice(start, start + AT_ONCE)
    const socket = await rawSocket(server)
    const last = part.length - 1
    const texts = part.map(({ path, cookie }, at) =>
      requestText(path, [`Cookie: ${cookie}`, ...(at === last ? ['Connection: close'] : [])]),
    )
    socket.write(texts.join(''))
    answers.push(...answersIn(await socket.closed))
  }
  return answers
}

function answersIn(text: string): Answer[] {
  const [, ...parts] = text.split(/HTTP\/1\.1 (?=\d{3} )/)
  return parts.map((part) => {
    const [head = '', ...body] = part.split('\r\n\r\n')
    return {
      status: Number(head.slice(0, 3)),
      body: body.join('\r\n\r\n'),
      sid: /^set-cookie: sid=([^;\r]*)/im.exec(head)?.[1],
    }
  })
}

function connect(): Redis {
  const client = new Redis(redisServers().single.url, { enableAutoPipelining: true })
  onTestFinished(() => client.disconnect())
  return client
}

describe.each(frameworks)('%s', (_, many, listenerOf) => {
  test.each([
    ['unsigned', undefined],
    ['signed', 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'],
  ])(
    `of ${many} bad Cookie headers to a server with %s ids none does harm, and none is a session`,
    async (_title, secret) => {
      const store = redisStore({ client: connect(), prefix: freshPrefix() })
      const options = secret === undefined ? {} : { secret }
      const sessions = createSessions<Data>({ store, storeTimeout: '60s', ...options })
      const server = await listen(createServer(listenerOf(sessions)))
      const victim = await browser(server)
      await victim.get('/in')
      const real = victim.cookieFor().slice('sid='.length)
      const random = noise(`cookies ${secret}`)
      const requests = Array.from({ length: many }, () => ({
        path: random.pick(['/', '/count', '/count', '/out']),
        cookie: badCookie(random, real),
      }))
      const answers = await pipelined(server, requests)
      const wrong = requests.flatMap(({ path, cookie }, at) => {
        const { status, body, sid } = answers[at] ?? {}
        const expected = { '/': 'nobody', '/count': 'visit 1', '/out': 'bye' }[path]
        const isAdopted = sid !== undefined && sid !== '' && cookie.includes(sid)
        return status === 200 && body === expected && !isAdopted
          ? []
          : [{ path, cookie, ...answers[at] }]
      })
      expect(wrong.slice(0, 3)).toEqual([])
      expect(answers).toHaveLength(many)
      expect((await victim.get('/')).text).toBe('ann')
    },
  )

  test(`of ${many} bad documents under valid ids none does harm, none is a session, and a logout removes it`, async () => {
    const client = connect()
    const prefix = foreignPrefix()
    const store = redisStore({ client, prefix })
    const sessions = createSessions<Data>({ store, storeTimeout: '60s' })
    const server = await listen(createServer(listenerOf(sessions)))
    const visitor = await browser(server)
    await visitor.get('/in')
    const [realKey = ''] = await client.keys(`${prefix}*`)
    const real = (await client.get(realKey)) ?? ''
    const random = noise('documents')
    const planted = await Promise.all(
      Array.from({ length: many }, async () => {
        const id = asSessionId(random.text(46, BASE64URL))
        if (!id) throw new Error('not an id')
        const key = sessionKey(prefix, handleOf(id))
        const document = badDocument(random, real)
        const kind = random.below(20)
        if (kind === 0) await client.rpush(key, document)
        else if (kind === 1) await client.hset(key, '@', document)
        else await client.set(key, document)
        return { id, key, document: document.toString('latin1') }
      }),
    )
    const told = new Set<Handle>()
    sessions.events.on('corrupt', ({ handle }) => told.add(handle))
    sessions.events.on('expired', ({ handle }) => told.add(handle))
    sessions.events.on('rejected', ({ handle }) => handle && told.add(handle))

    const paths = planted.map((_item, at) => (at % 2 === 0 ? '/' : '/count'))
    const visits = planted.map(({ id }, at) => ({ path: paths[at] ?? '/', cookie: `sid=${id}` }))
    const answers = await pipelined(server, visits)
    const wrong = planted.flatMap(({ id, document }, at) => {
      const { status, body, sid } = answers[at] ?? {}
      const expected = paths[at] === '/' ? 'nobody' : 'visit 1'
      const isFine = status === 200 && body === expected && sid !== id && told.has(handleOf(id))
      return isFine ? [] : [{ document: document.slice(0, 500), ...answers[at] }]
    })
    expect(wrong.slice(0, 3)).toEqual([])

    const logouts = await pipelined(
      server,
      planted.map(({ id }) => ({ path: '/out', cookie: `sid=${id}` })),
    )
    const left = await Promise.all(
      planted.map(async ({ key, document }, at) => {
        const { status, sid } = logouts[at] ?? {}
        // What looks like a session at first sight leaves a tombstone, which ends by itself.
        const rest = await client.pttl(key)
        const isFine = status === 200 && sid === '' && (rest === -2 || rest > 0)
        return isFine ? [] : [{ document: document.slice(0, 500), ...logouts[at] }]
      }),
    )
    expect(left.flat().slice(0, 3)).toEqual([])
    expect((await visitor.get('/')).text).toBe('ann')
  })
})
