import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { SessionEvents } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { monitor } from '../support/monitor.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  user: string
  card: string
}

const EVENTS: (keyof SessionEvents)[] = [
  'created',
  'regenerated',
  'destroyed',
  'expired',
  'rejected',
  'corrupt',
  'conflict',
  'dropped',
  'large',
  'csrfRefused',
  'storeFailed',
]

test('no session id and no secret reaches Redis, events, errors or util.inspect', async () => {
  const server = await startRedis({ single: true })
  onTestFinished(() => server.stop())
  const redis = new Redis({ port: server.single.port })
  onTestFinished(() => redis.disconnect())
  const secret = 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_'
  const sessions = createSessions<Data>({
    store: redisStore({ client: redis }),
    secret,
    storeTimeout: '60s',
  })
  const printed: string[] = []
  const print = (value: unknown): void => {
    printed.push(inspect(value, { depth: 12, showHidden: true, getters: false }))
    printed.push(JSON.stringify(value) ?? '')
  }
  for (const name of EVENTS) sessions.events.on(name, print)
  const seen = await monitor(server.single.port)

  const visitor = new Visitor(sessions)
  const secrets = [secret]
  const keep = (): void => {
    const value = visitor.cookie?.split('=')[1] ?? ''
    const [id = ''] = value.split('.')
    secrets.push(value, id, id.slice(3))
  }
  await visitor.visit((session) => void Object.assign(session, { user: 'ann', card: '4111' }))
  keep()
  await visitor.visit(async (session) => {
    print(session)
    print(session.meta)
    print(sessions)
    await session.regenerate({ keepData: true })
  })
  keep()
  await visitor.visit(async (session) => {
    const token = await session.csrfToken()
    secrets.push(token)
    print(session.verifyCsrf(token))
    print(session)
  })
  const slow = await visitor.request()
  print(slow)
  await visitor.visit((session) => session.destroy())
  slow.session.user = 'bob'
  await slow.session.save().catch(print)
  await visitor.visit((session) => void (session.card = 'x'.repeat(100_000))).catch(print)
  await redis.config('SET', 'maxmemory', '1')
  await visitor.visit((session) => void (session.card = '4111111111111111')).catch(print)
  await redis.config('SET', 'maxmemory', '0')
  const lines = await seen.lines()

  expect(secrets.filter((text) => text.length > 20)).toHaveLength(8)
  for (const text of secrets) {
    expect(lines).not.toContain(text)
    expect(printed.join('\n')).not.toContain(text)
  }
  // The errors tell what happened, and nothing of what was to be saved.
  expect(printed.join('\n')).toContain('ERR_STORE')
  expect(printed.join('\n')).not.toContain('4111111111111111')
})
