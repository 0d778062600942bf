/** Routes that have moved over, and routes that have not yet, in one process. */
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import express4 from 'express4'
import expressSession from 'express-session'
import { expect, onTestFinished, test } from 'vitest'
import { session } from '../../src/adapters/express.ts'
import type { WithSession } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'

type Count = { n?: number }

const counting: express.RequestHandler = (request, response) => {
  const { session: own } = request as unknown as WithSession<Count, express.Request>
  own.n = (own.n ?? 0) + 1
  response.send(String(own.n))
}

test.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s: express-session goes on beside handstamp', async (_, create) => {
  const app = create()
  const sessions = createSessions<Count>({ store: memoryStore() })
  app.use('/new', session(sessions), counting)
  const old = { secret: 'x', resave: false, saveUninitialized: true }
  app.use('/old', expressSession({ ...old, name: 'old' }), counting)
  const listener = app as unknown as Parameters<typeof createServer>[1]
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const jar = new Map<string, string>()
  const get = async (path: string): Promise<string> => {
    const cookie = Array.from(jar, ([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(origin + path, { headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      jar.set(name, value)
    }
    return response.text()
  }
  const answers: string[] = []
  for (const path of ['/old', '/new', '/old', '/new', '/old']) answers.push(await get(path))
  expect(answers).toEqual(['1', '1', '2', '2', '3'])
})
