import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { fakeClock } from '../support/clock.ts'
import { inBatches } from '../support/engines.ts'
import { monitor } from '../support/monitor.ts'
import type { Monitor } from '../support/monitor.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  cart: string[]
}

/** Quick by default; LONG=1 runs the numbers of a large site. */
const MANY = process.env['LONG'] ? 100_000 : 10_000

/** A server of its own: nobody else's commands are counted. */
let server: { single: { port: number }; stop(): Promise<void> }
beforeAll(async () => {
  server = await startRedis({ single: true })
})
afterAll(() => server.stop())

async function start(
  options: SessionsOptions<Data> = {},
): Promise<{ sessions: Sessions<Data>; redis: Redis; seen: Monitor }> {
  const redis = new Redis({ port: server.single.port, enableAutoPipelining: true })
  onTestFinished(() => redis.disconnect())
  await redis.flushall()
  const begin = (): Sessions<Data> =>
    createSessions({ storeTimeout: '60s', ...options, store: redisStore({ client: redis }) })
  // The first use of each script sends its source; that is once per server, not per request.
  const warming = begin()
  const warm = new Visitor(warming)
  await warm.visit((session) => void (session.cart = ['warm']))
  await warm.visit((session) => session.signIn('warm'))
  await warming.user('warm').list()
  await warming.user('warm').revokeAll()
  await warming.user('warm').count()
  // Waits for what goes on behind the responses.
  await warming.close()
  return { sessions: begin(), redis, seen: await monitor(server.single.port) }
}

describe('what users cost in Redis', () => {
  test('a sign-in with index and limit takes two round trips besides the read of the request, the first one with a new visitor one', async () => {
    const { sessions, seen } = await start({ maxSessionsPerUser: 5 })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.cart = ['a']))
    await seen.commands()
    await visitor.visit((session) => session.signIn('ann'))
    expect(await seen.commands()).toEqual(['GET', 'EVALSHA', 'EVALSHA'])
    await new Visitor(sessions).visit((session) => session.signIn('ann'))
    expect(await seen.commands()).toEqual(['EVALSHA'])
  })

  test('a page of up to 100, and the count, take one round trip, however many sessions there are', async () => {
    const { sessions, seen } = await start()
    await inBatches(200, 100, async () => {
      await new Visitor(sessions).visit((session) => session.signIn('ann'))
    })
    await seen.commands()
    const first = await sessions.user('ann').list({ limit: 100 })
    expect(await seen.commands()).toEqual(['EVALSHA'])
    expect(first.sessions).toHaveLength(100)
    const second = await sessions.user('ann').list({ limit: 150, offset: first.next! })
    expect(await seen.commands()).toEqual(['EVALSHA', 'EVALSHA'])
    expect(second.sessions).toHaveLength(100)
    expect(second.next).toBeUndefined()
    const handles = [...first.sessions, ...second.sessions].map(({ handle }) => handle)
    expect(new Set(handles).size).toBe(200)
    await seen.commands()
    expect(await sessions.user('ann').count()).toBe(200)
    expect(await seen.commands()).toEqual(['EVALSHA'])
  })

  test('a list reads the first lines of sessions and not their carts, the longest first line too', async () => {
    const { sessions, seen } = await start({
      describeDevice: () => ({ label: '"'.repeat(80), ip: '2001:db8::ffff:ffff:ffff' }),
    })
    const longest = '\u0001'.repeat(512)
    for (const user of ['ann', longest]) {
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => void (session.cart = ['x'.repeat(10_000)]))
      await visitor.visit((session) => session.signIn(user))
      await seen.lines()
      expect((await sessions.user(user).list()).sessions).toHaveLength(1)
      const whole = /"GET" /.test(await seen.lines())
      expect([user, whole]).toEqual([user, user === longest])
    }
  })

  test('reads and writes of a signed-in session cost what those of any other do', async () => {
    const { sessions, seen } = await start()
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => session.signIn('ann'))
    await visitor.visit((session) => void (session.cart = ['a']))
    await seen.commands()
    await visitor.visit(({ cart }) => cart)
    await visitor.visit((session) => void (session.cart = ['a', 'b']))
    expect(await seen.commands()).toEqual(['GET', 'GET', 'EVALSHA'])
  })

  test.each([
    [1, 120],
    [3, 110],
    [10, 110],
    [100, 110],
  ])(
    'the index of a user with %i sessions takes at most %i bytes per session',
    async (count, most) => {
      const { sessions, redis } = await start()
      await inBatches(count, 50, async () => {
        await new Visitor(sessions).visit((session) => session.signIn('ann'))
      })
      const [key = ''] = await redis.keys('*:u:*')
      expect(await redis.zcard(key)).toBe(count)
      const bytes = (await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? Infinity
      expect(bytes / count).toBeLessThanOrEqual(most)
    },
  )

  test(`of ${MANY} sessions ended by logout and by expiry no entry is left after one prune`, async () => {
    const clock = fakeClock(Date.now())
    const { sessions, redis } = await start({ clock, idleTimeout: '10m' })
    const keep = new Visitor(sessions)
    await inBatches(MANY, 200, async (at) => {
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => session.signIn('ann'))
      if (at % 2) await visitor.visit((session) => session.destroy())
    })
    clock.advance(9 * 60_000)
    await keep.visit((session) => session.signIn('ann'))
    clock.advance(2 * 60_000)
    expect(await sessions.user('ann').count()).toBe(1)
    const [key = ''] = await redis.keys('*:u:*')
    expect(await redis.zcard(key)).toBe(1)
  })
})
