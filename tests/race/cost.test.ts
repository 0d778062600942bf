import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import type { Handle } from '../../src/core/id.ts'
import { redisStore } from '../../src/redis/index.ts'
import { sessionKey } from '../../src/redis/keys.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { fakeClock } from '../support/clock.ts'
import { monitor } from '../support/monitor.ts'
import type { Monitor } from '../support/monitor.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  userId: string
  name: string
  roles: string[]
  count: number
}

/** A server of its own: nobody else's commands are counted. */
let server: { single: { port: number }; stop(): Promise<void> }
beforeAll(async () => {
  server = await startRedis({ single: true })
})
afterAll(() => server.stop())

async function start(
  options: SessionsOptions<Data> = {},
): Promise<{ sessions: Sessions<Data>; redis: Redis; seen: Monitor }> {
  const redis = new Redis({ port: server.single.port })
  onTestFinished(() => redis.disconnect())
  const begin = (): Sessions<Data> =>
    createSessions({ storeTimeout: '60s', ...options, store: redisStore({ client: redis }) })
  // The first use of each script sends its source; that is once per server, not per request.
  const warming = begin()
  const warm = new Visitor(warming)
  await warm.visit((session) => void (session.count = 1))
  await warm.visit((session) => session.increment('count'))
  await warm.visit((session) => session.touch())
  await warm.visit((session) => void (session.count = 5))
  await warm.visit((session) => session.regenerate({ keepData: true }))
  await warm.visit((session) => session.destroy())
  // Waits for what goes on behind the responses.
  await warming.close()
  return { sessions: begin(), redis, seen: await monitor(server.single.port) }
}

/** How often the client has written to its socket. */
async function packetsSent(redis: Redis): Promise<number> {
  const { stream } = redis as unknown as {
    stream: { writes?: number; write(data: unknown): boolean }
  }
  if (stream.writes === undefined) {
    const { write } = stream
    stream.writes = 0
    stream.write = (...args) => {
      stream.writes = (stream.writes ?? 0) + 1
      return write.apply(stream, args)
    }
  }
  return stream.writes
}

describe('what a request costs in Redis', () => {
  test('a visitor without a cookie who writes nothing: no command', async () => {
    const { sessions, seen } = await start()
    await new Visitor(sessions).visit(({ count }) => count)
    expect(await seen.commands()).toEqual([])
  })

  test('a lazy session that nobody asks for: no command', async () => {
    const { sessions, seen } = await start()
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 1))
    await seen.commands()
    const head = {
      header: (name: string) => (name === 'cookie' ? visitor.cookie : undefined),
      path: '/',
      secure: false,
      source: {},
    }
    const visit = sessions.begin(head)
    await visit?.settle()
    expect(visit?.headerLines()).toEqual([])
    expect(await seen.commands()).toEqual([])
  })

  test('50 requests of one turn of the event loop: one command for their reads, one round trip for their writes', async () => {
    const { sessions, seen, redis } = await start()
    const visitors = Array.from({ length: 50 }, () => new Visitor(sessions))
    await Promise.all(visitors.map((visitor, at) => visitor.visit((s) => void (s.count = at))))
    await seen.commands()
    const counts = await Promise.all(visitors.map((visitor) => visitor.visit((s) => s.count)))
    expect(counts).toEqual(visitors.map((_, at) => at))
    expect(await seen.commands()).toEqual(['MGET'])
    const before = await packetsSent(redis)
    await Promise.all(visitors.map((visitor) => visitor.visit((s) => s.increment('count'))))
    expect(await packetsSent(redis)).toBe(before + 2)
    expect(await seen.commands()).toEqual(['MGET', ...visitors.map(() => 'EVALSHA')])
  })

  test('the changes of one turn of the event loop are written by as few scripts as 32 sessions each take', async () => {
    const { sessions, seen, redis } = await start()
    const visitors = Array.from({ length: 70 }, () => new Visitor(sessions))
    await Promise.all(visitors.map((visitor, at) => visitor.visit((s) => void (s.count = at))))
    await seen.commands()
    const before = await packetsSent(redis)
    await Promise.all(visitors.map((visitor) => visitor.visit((s) => void (s.name = 'Ann'))))
    expect(await packetsSent(redis)).toBe(before + 2)
    expect(await seen.commands()).toEqual(['MGET', 'EVALSHA', 'EVALSHA', 'EVALSHA'])
    const seenThen = await Promise.all(
      visitors.map((visitor) => visitor.visit(({ name, count }) => ({ name, count }))),
    )
    expect(seenThen).toEqual(visitors.map((_, count) => ({ name: 'Ann', count })))
  })

  test('of the changes of one turn each has its own outcome: a foreign key in the place of one fails that one alone', async () => {
    const { redis } = await start()
    const store = redisStore({ client: redis })
    const document = '{"@":[1,"aaaaaa",1,0,99999999999999,99999999999999]\n,"n":1\n}'
    const patch = {
      now: 2,
      revision: 'bbbbbb',
      onConflict: 'refuse',
      maxBytes: 100,
      owner: undefined,
    } as const
    const change = (from: string, to: string) => [{ name: '"n"', from, to }]
    const [live, stale, large, foreign, absent] = ['A', 'B', 'C', 'D', 'E'].map(
      (letter) => `AAA${letter.repeat(22)}` as Handle,
    ) as [Handle, Handle, Handle, Handle, Handle]
    for (const handle of [live, stale, large]) await store.create(handle, document, 60_000)
    await redis.rpush(sessionKey('hs:', foreign), 'a list')
    const outcomes = await Promise.allSettled([
      store.update(foreign, { ...patch, changes: change('1', '2') }),
      store.update(live, { ...patch, changes: change('1', '2') }),
      store.update(stale, { ...patch, changes: change('7', '2') }),
      store.update(large, { ...patch, changes: change('1', `"${'x'.repeat(100)}"`) }),
      store.update(absent, { ...patch, changes: change('1', '2') }),
      store.update(live, { ...patch, revision: 'cccccc', changes: change('2', '3') }),
    ])
    expect(outcomes).toMatchObject([
      { reason: { message: expect.stringContaining('WRONGTYPE') as string } },
      { value: { kind: 'updated', conflicts: [] } },
      { value: { kind: 'conflict', document } },
      { value: { kind: 'too-large' } },
      { value: { kind: 'gone' } },
      { value: { kind: 'updated', conflicts: [] } },
    ])
    expect(await store.load(live)).toContain('"cccccc"')
    await redis.pexpire(sessionKey('hs:', foreign), 1)
  })

  test('reads within a transaction of the application are failures, not visitors without a session', async () => {
    const { redis } = await start()
    const store = redisStore({ client: redis })
    await redis.multi({ pipeline: false })
    const one = await Promise.allSettled([store.load(`AAA${'A'.repeat(22)}` as Handle)])
    const two = await Promise.allSettled(
      ['A', 'B'].map((letter) => store.load(`AAA${letter.repeat(22)}` as Handle)),
    )
    await redis.discard()
    expect([...one, ...two].map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'rejected',
    ])
  })

  test('of the reads of one turn each gets its own: a session, or nothing', async () => {
    const { sessions } = await start()
    const known = new Visitor(sessions)
    await known.visit((session) => void (session.name = 'Ann'))
    const invented = Array.from(
      { length: 20 },
      (_, at) => new Visitor(sessions, `sid=${String.fromCharCode(65 + at).repeat(46)}`),
    )
    const visitors = [...invented.slice(0, 10), known, ...invented.slice(10)]
    const names = await Promise.all(visitors.map((visitor) => visitor.visit(({ name }) => name)))
    expect(names.filter(Boolean)).toEqual(['Ann'])
    expect(names[10]).toBe('Ann')
  })

  const rows: [string, (visitor: Visitor<Data>) => Promise<unknown>, string[]][] = [
    ['a read', (visitor) => visitor.visit(({ count }) => count), ['GET']],
    [
      'a write',
      (visitor) => visitor.visit((session) => void (session.name = 'Ann')),
      ['GET', 'EVALSHA'],
    ],
    ['an increment', (visitor) => visitor.visit((s) => s.increment('count')), ['GET', 'EVALSHA']],
    [
      'an update',
      (visitor) => visitor.visit((s) => s.update('count', (count = 0) => count + 1)),
      ['GET', 'EVALSHA'],
    ],
    [
      'a regeneration with data written after it',
      (visitor) =>
        visitor.visit(async (session) => {
          await session.regenerate({ keepData: true })
          session.userId = 'u-1'
        }),
      ['GET', 'EVALSHA'],
    ],
    [
      // In the background: word to the processes that listen.
      'a logout',
      (visitor) => visitor.visit((session) => session.destroy()),
      ['GET', 'EVALSHA', 'PUBLISH'],
    ],
  ]

  test.each(rows)(
    '%s: one round trip each for reading and writing',
    async (_, request, commands) => {
      const { sessions, seen } = await start()
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => void (session.count = 1))
      await seen.commands()
      await request(visitor)
      // Waits for what is sent in the background too.
      await sessions.close()
      expect(await seen.commands()).toEqual(commands)
    },
  )

  test('a first write: one command', async () => {
    const { sessions, seen } = await start()
    await new Visitor(sessions).visit((session) => void (session.count = 1))
    expect(await seen.commands()).toEqual(['SET'])
  })

  test('a mis-signed or malformed cookie: no command', async () => {
    const { sessions, seen } = await start({ secret: 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_' })
    const forged = `sid=${'A'.repeat(46)}.${'B'.repeat(43)}`
    for (const cookie of [forged, 'sid=x', 'sid=', `sid=${'A'.repeat(46)}`]) {
      await new Visitor(sessions, cookie).visit(({ count }) => count)
    }
    expect(await seen.commands()).toEqual([])
  })

  test('a reader who comes every second for an hour: less than 0.02 touches per read', async () => {
    const clock = fakeClock()
    const { sessions, seen } = await start({ clock })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 1))
    await seen.commands()
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000)
      await visitor.visit(({ count }) => count)
    }
    const commands = await seen.commands()
    const touches = commands.filter((command) => command === 'EVALSHA').length
    expect(commands.filter((command) => command === 'GET')).toHaveLength(3600)
    expect(touches).toBeGreaterThan(0)
    expect(touches / 3600).toBeLessThan(0.02)
  })
})

describe('what a session takes in Redis', () => {
  /** Length of the document, and what Redis says it takes with its key. */
  async function sizes(data: object): Promise<{ document: number; memory: number }> {
    const { sessions, redis } = await start()
    await redis.flushall()
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void Object.assign(session, data))
    const [key = ''] = await redis.keys('*')
    return {
      document: await redis.strlen(key),
      memory: (await redis.memory('USAGE', key)) ?? Infinity,
    }
  }

  test('user id, name and roles, with all metadata and the key: at most 240 bytes', async () => {
    const data = { userId: 'u-1', name: 'Ada Lovelace', roles: ['admin', 'user'] }
    expect((await sizes(data)).memory).toBeLessThanOrEqual(240)
  })

  test('a typical document of 8 fields and 300 bytes, with its key: at most 420 bytes', async () => {
    const { document, memory } = await sizes({
      userId: 'u-2026112101',
      name: 'Ada King Lovelace',
      email: 'ada.lovelace@example.org',
      roles: ['admin', 'editor'],
      locale: 'en-GB',
      theme: 'dark',
      lastPage: '/orders/2026/11?sort=date&page=12',
      cart: [{ sku: 'A-100', qty: 2, price: 1999 }],
    })
    expect(document).toBeGreaterThanOrEqual(295)
    expect(memory).toBeLessThanOrEqual(420)
  })
})
