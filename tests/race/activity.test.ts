import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { userKeyOf } from '../../src/core/user.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { fakeClock } from '../support/clock.ts'
import { monitor } from '../support/monitor.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { trackedClient } from '../support/tracked-client.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  count: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

type Servers = 'memory' | 'single' | 'cluster'

/** RESP3 pairs each member with its score, RESP2 lists them in turn. */
type Reply = (string | number | [string, number])[]

/** Two servers of one application, a clock, and what tells when all background work is done. */
function start(servers: Servers, options: SessionsOptions<Data> = {}) {
  const clock = fakeClock(Date.now())
  const prefix = freshPrefix()
  const shared = memoryStore({ clock })
  const make = () => {
    const redis = connect(servers)
    if (redis) onTestFinished(() => redis.disconnect())
    const tracked = redis && trackedClient(redis)
    const store = tracked ? redisStore({ client: tracked.client, prefix }) : shared
    const sessions = createSessions<Data>({
      storeTimeout: '60s',
      cookie: { secure: true },
      activity: true,
      clock,
      ...options,
      store,
    })
    return { sessions, redis, tracked }
  }
  const [here, there] = [make(), make()]
  const idle = async (): Promise<void> => {
    await here.tracked?.idle()
    await there.tracked?.idle()
    // The memory answers at once, but in a later turn of the microtasks.
    await new Promise((resolve) => void setImmediate(resolve))
  }
  return { here: here.sessions, there: there.sessions, clock, prefix, idle, ...here }
}

function connect(servers: Servers): Redis | Cluster | undefined {
  if (servers === 'memory') return undefined
  const { single, cluster } = redisServers()
  return servers === 'single' ? new Redis(single.url) : new Cluster([...cluster.nodes])
}

const counts = async (
  sessions: Sessions<Data>,
  window: '1m' | '5m' | '1h' | '1d',
  namespace?: string,
) => {
  const found = await sessions.activity(window, { limit: 0, ...(namespace && { namespace }) })
  return [found.sessions, found.users]
}

describe.each(['memory', 'single', 'cluster'] as const)('who was active (%s)', (servers) => {
  test('is counted exactly, users once each, for any window', async () => {
    const { here, there, clock, idle } = start(servers)
    const seen: { at: number; user: number | undefined }[] = []
    for (let at = 0; at < 240; at++) {
      clock.advance(SECOND)
      const user = at % 4 === 0 ? undefined : at % 25
      await new Visitor(at % 2 ? here : there).visit((session) =>
        user === undefined ? void (session.count = at) : session.signIn(`user ${user}`),
      )
      seen.push({ at: clock.now(), user })
    }
    await idle()
    for (const seconds of [1, 2, 10, 60, 100, 239, 240, 3600]) {
      const since = clock.now() - seconds * SECOND
      const active = seen.filter(({ at }) => at >= since)
      const users = new Set(active.flatMap(({ user }) => user ?? []))
      const found = await there.activity(`${seconds}s`, { limit: 0 })
      expect([seconds, found.sessions, found.users]).toEqual([seconds, active.length, users.size])
    }
  })

  test('includes whoever only reads, or writes all the time, once per touch interval', async () => {
    const { here, clock, idle } = start(servers, { touchInterval: '1m' })
    const [reader, writer, counter] = [new Visitor(here), new Visitor(here), new Visitor(here)]
    for (const visitor of [reader, writer, counter]) {
      await visitor.visit((session) => void (session.count = 1))
    }
    for (let second = 0; second < 600; second += 10) {
      clock.advance(10 * SECOND)
      await reader.visit(({ count }) => count)
      await writer.visit((session) => void (session.count = second))
      await counter.visit((session) => session.increment('count'))
    }
    await idle()
    expect(await counts(here, '1m')).toEqual([3, 0])
    clock.advance(MINUTE + 1)
    expect(await counts(here, '1m')).toEqual([0, 0])
  })

  test('is listed, the one seen last first, with user, device and time, in two round trips', async () => {
    const { here, there, clock, idle, tracked } = start(servers, {
      describeDevice: () => ({ label: 'Firefox on Windows' }),
    })
    const visitors = Array.from({ length: 30 }, (_, at) => new Visitor(at % 2 ? here : there))
    for (const [at, visitor] of visitors.entries()) {
      clock.advance(SECOND)
      await visitor.visit((session) => session.signIn(`user ${at}`))
    }
    clock.advance(SECOND)
    await visitors[3]!.visit((session) => session.save())
    const handles = await Promise.all(visitors.map((v) => v.visit(({ meta }) => meta.handle)))
    await idle()
    tracked?.rounds()
    const { sessions, users, recent } = await here.activity('1h', { limit: 4 })
    expect(tracked?.rounds() ?? 2).toBe(2)
    expect([sessions, users]).toEqual([30, 30])
    expect(recent.map(({ handle }) => handle)).toEqual([29, 28, 27, 26].map((at) => handles[at]))
    expect(recent[0]).toEqual({
      handle: handles[29],
      userId: 'user 29',
      device: { label: 'Firefox on Windows' },
      lastSeenAt: new Date(clock.now() - SECOND),
    })
    await here.activity('1h', { limit: 0 })
    expect(tracked?.rounds() ?? 1).toBe(1)
  })

  test('is counted apart by namespace, whatever its name', async () => {
    const names = [
      'shop',
      'a:b',
      '{x}',
      ' ',
      'ünï 😀\n',
      '*',
      'x'.repeat(300),
      '__proto__',
      '~',
      '',
    ]
    let current = ''
    const { here, clock, idle, redis, prefix } = start(servers, {
      activity: { namespace: () => current },
    })
    for (const [at, name] of names.entries()) {
      current = name
      clock.advance(SECOND)
      for (let n = 0; n <= at; n++) await new Visitor(here).visit((s) => s.signIn(`user ${n % 2}`))
    }
    await idle()
    for (const [at, name] of names.entries()) {
      expect([name, ...(await counts(here, '1h', name || 'default'))]).toEqual([
        name,
        at + 1,
        Math.min(at + 1, 2),
      ])
    }
    expect(await counts(here, '1h', 'nobody')).toEqual([0, 0])
    if (!(redis instanceof Redis)) return
    const keys = (await redis.keys(`${prefix}{a?}:a*`)).map((key) => key.slice(prefix.length))
    expect(keys.filter((key) => !/^\{a([\w-])\}:a(:[\w.~-]{1,64}:[su])?$/.test(key))).toEqual([])
  })

  test('forgets a session that ended, in whatever way, and its user with the last one', async () => {
    const { here, there, idle } = start(servers, { maxSessionsPerUser: 2 })
    const state = async () => {
      await idle()
      return counts(here, '1h')
    }
    const signedIn = async (user: string) => {
      const visitor = new Visitor(here)
      await visitor.visit((session) => void (session.count = 1))
      await visitor.visit((session) => session.signIn(user))
      return visitor
    }
    const handleOf = (visitor: Visitor<Data>) => visitor.visit(({ meta }) => meta.handle ?? '')
    const [laptop, phone] = [await signedIn('ann'), await signedIn('ann')]
    expect(await state()).toEqual([2, 1])
    await laptop.visit((session) => session.regenerate({ keepData: true }))
    expect(await state()).toEqual([2, 1])
    await laptop.visit((session) => session.destroy(), there)
    expect(await state()).toEqual([1, 1])
    await phone.visit((session) => session.signOut())
    expect(await state()).toEqual([0, 0])
    const bob = await signedIn('bob')
    await there.user('bob').revoke(await handleOf(bob))
    expect(await state()).toEqual([0, 0])
    await signedIn('cid')
    await signedIn('cid')
    await signedIn('cid')
    expect(await state()).toEqual([2, 1])
    await there.user('cid').revokeAll()
    expect(await state()).toEqual([0, 0])
    const anonymous = new Visitor(here)
    await anonymous.visit((session) => void (session.count = 1))
    expect(await state()).toEqual([1, 0])
    await there.revoke(await handleOf(anonymous))
    expect(await state()).toEqual([0, 0])
    const dan = await signedIn('dan')
    await dan.visit(async (session) => {
      await session.regenerate()
      session.count = 2
    })
    expect(await state()).toEqual([1, 0])
    await dan.visit((session) => session.signIn('eve'))
    await dan.visit((session) => session.signIn('fay'))
    expect(await state()).toEqual([1, 1])
  })

  test('forgets an ended session in the namespaces of all applications', async () => {
    let current = 'shop'
    const { here, there, clock, idle } = start(servers, {
      touchInterval: '1m',
      activity: { namespace: () => current },
    })
    const visitor = new Visitor(here)
    await visitor.visit((session) => session.signIn('ann'))
    clock.advance(MINUTE)
    current = 'forum'
    await visitor.visit(({ count }) => count)
    await idle()
    expect([await counts(here, '1h', 'shop'), await counts(here, '1h', 'forum')]).toEqual([
      [1, 1],
      [1, 1],
    ])
    await there.user('ann').revokeAll()
    await idle()
    expect([await counts(here, '1h', 'shop'), await counts(here, '1h', 'forum')]).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  test('counts a session that has expired until it is looked at', async () => {
    const { here, clock, idle } = start(servers, { idleTimeout: '10m' })
    const old = new Visitor(here)
    await old.visit((session) => session.signIn('ann'))
    clock.advance(11 * MINUTE)
    await new Visitor(here).visit((session) => session.signIn('bob'))
    await idle()
    expect(await counts(here, '1h')).toEqual([2, 2])
    const { sessions, recent } = await here.activity('1h')
    expect([sessions, recent.map(({ userId }) => userId)]).toEqual([1, ['bob']])
    await idle()
    expect((await here.activity('1h', { limit: 0 })).sessions).toBe(1)
  })
})

describe.each(['single', 'cluster'] as const)('the notes of who was active (%s)', (servers) => {
  test('are trimmed, and every key has an end', async () => {
    const { here, clock, idle, redis, prefix } = start(servers, { activity: { keep: '1h' } })
    const notes = async (): Promise<{ key: string; scores: number[]; ttl: number }[]> => {
      const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis!]
      const keys = await Promise.all(nodes.map((node) => node.keys(`${prefix}{a?}:a*`)))
      return Promise.all(
        keys.flat().map(async (key) => {
          const flat = (await redis!.call('ZRANGE', [key, '0', '-1', 'WITHSCORES'])) as Reply
          const scores = flat.flat().filter((_, at) => at % 2 === 1)
          return { key, scores: scores.map(Number), ttl: await redis!.pttl(key) }
        }),
      )
    }
    const visit = async (count: number): Promise<void> => {
      const visitors = Array.from({ length: count }, () => new Visitor(here))
      await Promise.all(visitors.map((visitor, at) => visitor.visit((s) => s.signIn(`user ${at}`))))
      await idle()
    }
    await visit(640)
    expect((await notes()).length).toBeGreaterThan(64 * 2)
    clock.advance(HOUR + 1)
    const later = clock.now()
    await visit(640)
    const left = await notes()
    for (const { key, ttl } of left) {
      expect([key, ttl > 0 && ttl <= HOUR]).toEqual([key, true])
    }
    const noted = left.filter(({ scores }) => scores.includes(later))
    expect(noted.flatMap(({ scores }) => scores).filter((score) => score < later)).toEqual([])
    expect(await counts(here, '1h')).toEqual([640, 640])
  })

  test('list the 256 namespaces used last, which are those that an end is noted in', async () => {
    let current = 0
    const { here, clock, idle, redis, prefix } = start(servers, {
      touchInterval: '1m',
      activity: { namespace: () => `shop-${current}` },
    })
    const visitor = new Visitor(here)
    await visitor.visit((session) => session.signIn('ann'))
    for (current = 1; current <= 300; current++) {
      clock.advance(MINUTE)
      await visitor.visit(({ count }) => count)
      await idle()
    }
    const part = `${prefix}{a${userKeyOf('ann').charAt(0)}}:a`
    expect(await redis!.zrange(part, '0', '0')).toEqual(['shop-45'])
    expect(await redis!.zcard(part)).toBe(256)
    await here.user('ann').revokeAll()
    await idle()
    const left = async (name: string) => counts(here, '1d', name)
    expect([await left('shop-44'), await left('shop-45')]).toEqual([
      [1, 1],
      [0, 0],
    ])
  })
})

test('where the memory of Redis is full, an ended session is forgotten all the same', async () => {
  const { single, stop } = await startRedis({ single: true })
  onTestFinished(() => stop())
  const redis = new Redis({ port: single.port })
  onTestFinished(() => redis.disconnect())
  const tracked = trackedClient(redis)
  const store = redisStore({ client: tracked.client })
  const sessions = createSessions<Data>({ storeTimeout: '60s', activity: true, store })
  const failed: string[] = []
  sessions.events.on('storeFailed', ({ operation }) => failed.push(operation))
  const [ann, bob] = [new Visitor(sessions), new Visitor(sessions)]
  await ann.visit((session) => session.signIn('ann'))
  await bob.visit((session) => session.signIn('bob'))
  // The scripts are known from here on: an EVAL needs memory too.
  await bob.visit((session) => session.destroy())
  await tracked.idle()
  await redis.config('SET', 'maxmemory', '1')
  await ann.visit((session) => session.destroy())
  await tracked.idle()
  expect(await counts(sessions, '1h')).toEqual([0, 0])
  expect(failed).toEqual([])
})

describe('what the activity costs', () => {
  /** A server of its own: nobody else's commands are counted. */
  let server: { single: { port: number }; stop(): Promise<void> }
  beforeAll(async () => {
    server = await startRedis({ single: true })
  })
  afterAll(() => server.stop())

  const handlers: [string, (visitor: Visitor<Data>) => Promise<unknown>, reads: number][] = [
    ['reads', (visitor) => visitor.visit(({ count }) => count), 1],
    ['writes', (visitor) => visitor.visit((session) => void (session.count = Math.random())), 2],
    ['increments', (visitor) => visitor.visit((session) => session.increment('count')), 2],
  ]

  test.each(
    handlers.flatMap(([title, ...rest]) => [
      [`an anonymous visitor who ${title} every second`, false, ...rest] as const,
      [`a user who ${title} every second`, true, ...rest] as const,
    ]),
  )('%s for an hour: less than 0.04 commands more each', async (_, isUser, request, own) => {
    const clock = fakeClock()
    const redis = new Redis({ port: server.single.port })
    onTestFinished(() => redis.disconnect())
    const { client, idle } = trackedClient(redis)
    const store = redisStore({ client, prefix: freshPrefix() })
    const sessions = createSessions<Data>({
      storeTimeout: '60s',
      activity: true,
      idleTimeout: '8h',
      touchInterval: '1m',
      clock,
      store,
    })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 1))
    if (isUser) await visitor.visit((session) => session.signIn('ann'))
    await idle()
    const seen = await monitor(server.single.port)
    for (let second = 0; second < 3600; second++) {
      clock.advance(SECOND)
      await request(visitor)
    }
    await idle()
    const commands = await seen.commands()
    const more = (commands.length - 3600 * own) / 3600
    expect(more).toBeGreaterThan(0.01)
    expect(more).toBeLessThan(0.04)
  })
})

describe('a failure of the notes', () => {
  const broken: [string, () => Promise<never>][] = [
    ['rejects', () => Promise.reject(new Error('the notes are broken'))],
    [
      'throws',
      () => {
        throw new Error('the notes are broken')
      },
    ],
    ['never answers', () => new Promise(() => undefined)],
  ]

  test.each(broken)('that %s is told, and reaches no request', async (_, fail) => {
    const since = () => Promise.reject(new Error('the notes are broken'))
    const store = memoryStore()
    Object.assign(store.activity, { note: fail, forget: fail, since })
    const sessions = createSessions<Data>({ activity: true, storeTimeout: 5, store })
    const failed: string[] = []
    sessions.events.on('storeFailed', ({ operation }) => failed.push(operation))
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 1))
    await visitor.visit((session) => session.signIn('ann'))
    await visitor.visit((session) => session.destroy())
    await expect(sessions.activity('1h')).rejects.toMatchObject({ status: 503 })
    await sessions.close()
    expect(new Set(failed)).toEqual(new Set(['noteActive', 'forgetActive', 'activity']))
  })

  test('a function for the namespace that throws is told, and reaches no request', async () => {
    const namespace = () => {
      throw new Error('no such application')
    }
    const sessions = createSessions<Data>({ activity: { namespace } })
    const failed: unknown[] = []
    sessions.events.on('storeFailed', ({ operation, error }) => {
      failed.push([operation, error.code, error.cause])
    })
    await new Visitor(sessions).visit((session) => void (session.count = 1))
    await sessions.close()
    expect(failed).toEqual([['noteActive', 'ERR_OPTION', undefined]])
  })
})

describe('what cannot be asked for', () => {
  const option = { code: 'ERR_OPTION' }

  test('activity that is not noted', async () => {
    await expect(createSessions().activity('5m')).rejects.toMatchObject(option)
    await expect(createSessions({ activity: false }).activity('5m')).rejects.toMatchObject(option)
  })

  test('a window over what is kept, and what is no window', async () => {
    const sessions = createSessions({ activity: { keep: '1h' } })
    await expect(sessions.activity('1h')).resolves.toMatchObject({ sessions: 0 })
    for (const wrong of ['61m', 0, -1, 'soon', undefined] as unknown as '1m'[]) {
      await expect(sessions.activity(wrong)).rejects.toMatchObject(option)
    }
    for (const limit of [-1, 101, 1.5, Number.NaN]) {
      await expect(sessions.activity('1m', { limit })).rejects.toMatchObject(option)
    }
    await expect(sessions.activity('1m', { namespace: '' })).rejects.toMatchObject(option)
    for (const query of [null, { namespce: 'shop' }] as object[]) {
      await expect(sessions.activity('1m', query)).rejects.toMatchObject(option)
    }
  })

  test.each([
    ['a text', 'yes'],
    ['a list', []],
    ['null', null],
    ['a namespace that is no function', { namespace: 'shop' }],
    ['a time to keep that is none', { keep: '1 fortnight' }],
    ['an unknown option', { window: '1h' }],
  ])('at construction: %s', (_, activity) => {
    const options = { activity } as unknown as SessionsOptions<Data>
    expect(() => createSessions<Data>(options)).toThrow(expect.objectContaining(option))
  })
})
