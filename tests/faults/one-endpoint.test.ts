/** A server in cluster mode behind one address, and a client that knows nothing of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { freePort } from '../../tools/redis/port.mjs'
import { until } from '../../tools/redis/until.mjs'
import { freshPrefix } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'
import { clients } from './sessions-through.ts'

let port: number
let stop: () => Promise<void>
beforeAll(async () => {
  port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'handstamp-cluster-mode-'))
  const settings = { port, dir: folder, bind: '127.0.0.1', save: '', 'cluster-enabled': 'yes' }
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', words, { stdio: 'ignore' })
  const ended = once(server, 'exit')
  stop = async () => {
    server.kill()
    await ended
    rmSync(folder, { recursive: true })
  }
  const redis = new Redis({ port })
  redis.on('error', () => undefined)
  await until('the server answers', async () => (await redis.ping()) === 'PONG')
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  const info = (): Promise<unknown> => redis.call('CLUSTER', 'INFO')
  await until('it has all slots', async () => String(await info()).includes('state:ok'))
  redis.disconnect()
})
afterAll(() => stop())

test.each(clients)('what %s asks for in one turn is answered', async (_, connect) => {
  const sessions = createSessions<{ n: number }>({
    store: redisStore({ client: await connect(port), prefix: freshPrefix() }),
    storeTimeout: '60s',
  })
  const failures: unknown[] = []
  sessions.events.on('storeFailed', ({ error }) => failures.push(error.cause))
  const visitors = Array.from({ length: 10 }, () => new Visitor(sessions))
  for (const visitor of visitors) await visitor.visit((session) => void (session.n = 0))
  for (let round = 1; round <= 2; round++) {
    const steps = await Promise.all(visitors.map((visitor) => visitor.request()))
    for (const { session } of steps) session.n = (session.n ?? 0) + 1
    await Promise.all(steps.map((step) => step.settle()))
  }
  expect(await Promise.all(visitors.map((visitor) => visitor.visit(({ n }) => n)))).toEqual(
    visitors.map(() => 2),
  )
  expect(failures).toEqual([])
})
