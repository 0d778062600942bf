/** Whoever follows a redirect the moment its head arrives, on another server, reads what was written before it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import { Redis } from 'ioredis'
import Koa from 'koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { session as expressSession } from '../../src/adapters/express.ts'
import type { WithSession } from '../../src/adapters/express.ts'
import { session as koaSession } from '../../src/adapters/koa.ts'
import { withSession } from '../../src/adapters/node.ts'
import type { Handle } from '../../src/core/id.ts'
import type { Patch, Store } from '../../src/core/store.ts'
import { createSessions } from '../../src/index.ts'
import type { Sessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { inBatches } from '../support/engines.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'

/** How long a write takes here; the head of a response is ready at once. */
const WRITE_TIME = 20

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

interface Data {
  step: number
}

const isLong = process.env['LONG'] !== undefined
const apps: [name: string, redirects: number, app: (sessions: Sessions<Data>) => Listener][] = [
  [
    'Koa',
    isLong ? 1000 : 250,
    (sessions) => {
      const app = new Koa().use(koaSession(sessions)).use((ctx) => {
        ctx.session.step = Number(ctx.query['step'])
        ctx.redirect('/')
      })
      return app.callback()
    },
  ],
  [
    'Express',
    isLong ? 1000 : 250,
    (sessions) => {
      const app = express().use(expressSession(sessions))
      app.use((req, res) => {
        const { session } = req as unknown as WithSession<Data, express.Request>
        session.step = Number(req.query['step'])
        res.redirect('/')
      })
      return app
    },
  ],
  [
    'node:http',
    1000,
    (sessions) =>
      withSession(sessions, async (request, response) => {
        const session = await sessions.getSession(request)
        session.step = Number(request.url?.split('=')[1])
        response.writeHead(302, { location: '/' }).end()
      }),
  ],
]

describe.each(apps)('a redirect of %s', (_, redirects, app) => {
  test(`is followed by no stale read, ${redirects} times, though writes take ${WRITE_TIME} ms`, async () => {
    const prefix = freshPrefix()
    const writer = await serve(app(sessionsOn(slowly(storeOn(prefix)))))
    const readers = sessionsOn(storeOn(prefix))
    const reader = await serve(
      withSession(readers, async (request, response) => {
        const session = await readers.getSession(request)
        response.end(String(session.step))
      }),
    )
    let stale = 0
    await inBatches(redirects, 50, async () => {
      const first = await follow(writer, '/?step=1')
      const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? ''
      const second = await follow(writer, '/?step=2', cookie)
      expect(second.status).toBe(302)
      const seen = await (await follow(reader, '/', cookie)).text()
      if (seen !== '2') stale++
    })
    expect(stale).toBe(0)
  })
})

/** Resolves when the head of the response is there. */
function follow(origin: string, path: string, cookie = ''): Promise<Response> {
  return fetch(origin + path, { redirect: 'manual', headers: { cookie } })
}

function sessionsOn(store: Store): Sessions<Data> {
  return createSessions<Data>({ store, storeTimeout: '60s', cookie: { secure: false } })
}

function storeOn(prefix: string): Store {
  const client = new Redis(redisServers().single.url, { enableAutoPipelining: true })
  onTestFinished(() => client.disconnect())
  return redisStore({ client, prefix })
}

/** The same store, its updates late. */
function slowly(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'update') {
        return async (handle: Handle, patch: Patch) => {
          await pause(WRITE_TIME)
          return target.update(handle, patch)
        }
      }
      const part: unknown = target[name as keyof Store]
      return typeof part === 'function' ? (part.bind(target) as unknown) : part
    },
  })
}

async function serve(listener: Listener): Promise<string> {
  const server = createServer((request, response) => void listener(request, response)).listen(
    0,
    '127.0.0.1',
  )
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
