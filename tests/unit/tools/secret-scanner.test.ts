/** The scanner that runs with all tests finds what it looks for. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../../src/index.ts'
import { redisStore } from '../../../src/redis/index.ts'
import { startRedis } from '../../../tools/redis/start.mjs'
import { watchForSecrets } from '../../support/secret-scanner.ts'
import { Visitor } from '../../support/visitor.ts'

test.each<[what: string, tell: (cookie: string) => string[], outcome: RegExp]>([
  ['nothing', () => ['PING'], /1 sessions, 0 ids$/],
  ['an id', (cookie) => ['ECHO', cookie.split('=')[1]!], /1 ids: an id/],
  ['a cookie in a text', (cookie) => ['SET', 'log', `seen "${cookie};" twice`, 'EX', '9'], /1 ids/],
  ['an id glued to a text', (cookie) => ['ECHO', `no-${cookie.split('=')[1]}-no`], /1 ids/],
])('where an app sends %s', async (_, tell, outcome) => {
  const server = await startRedis({ single: true })
  onTestFinished(() => server.stop())
  const scanner = await watchForSecrets([server.single.port])
  const client = new Redis({ port: server.single.port })
  onTestFinished(() => client.disconnect())
  const visitor = new Visitor(createSessions<{ n: number }>({ store: redisStore({ client }) }))
  await visitor.visit((session) => void (session.n = 1))
  const [command = '', ...args] = tell(visitor.cookie ?? '')
  await client.call(command, ...args)
  const said = await scanner.stop().catch((error: Error) => error.message)
  expect(said).toMatch(outcome)
})
