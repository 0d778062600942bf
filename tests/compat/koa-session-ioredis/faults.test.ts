/** What goes wrong with the originals, and does not here: each scenario runs with both. */
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { foreignPrefix, redisServers } from '../../support/redis.ts'
import { genericHost, koaSessionHost } from './support/hosts.ts'
import { eyes, ours, parent, seed } from './support/stores.ts'
import type { Make } from './support/stores.ts'

interface Fault {
  readonly title: string
  readonly of: readonly Make[]
  /** Resolves to what a user would see. */
  run(make: Make): Promise<unknown>
  readonly bad: unknown
  readonly good: unknown
}

const DAY = 86_400_000
const SECRET = 'card-4711'

const faults: readonly Fault[] = [
  {
    title: 'under koa-generic-session 2 nothing is stored: the counter stays 1, no key is there',
    of: [seed],
    async run(make) {
      const prefix = foreignPrefix()
      const host = genericHost(make().store, prefix)
      const counted: unknown[] = []
      let sid: string | undefined
      for (let visit = 0; visit < 3; visit++)
        sid = await host.visit(sid, ({ session }) => {
          counted.push((session!['count'] = Number(session!['count'] ?? 0) + 1))
        })
      return { counted, keys: (await eyes().keys(`${prefix}*`)).length }
    },
    bad: { counted: [1, 1, 1], keys: 0 },
    good: { counted: [1, 2, 3], keys: 1 },
  },
  {
    title: 'a session that is replaced by assignment is kept for ever',
    of: [parent],
    async run(make) {
      const prefix = foreignPrefix()
      await genericHost(make().store, prefix).visit(undefined, (ctx) => {
        ctx.sessionId = 'sid'
        ctx.session = { cookie: {}, n: 1 }
      })
      return expiryIn(`${prefix}sid`)
    },
    bad: 'never',
    good: DAY,
  },
  {
    title: 'a browser session (cookie.maxAge null) is kept for ever',
    of: [parent],
    async run(make) {
      const prefix = foreignPrefix()
      const cookie = { signed: false, maxAge: null }
      const host = genericHost(make().store, prefix, { cookie })
      return expiryIn(prefix + (await host.visit(undefined, ({ session }) => (session!['n'] = 1))))
    },
    bad: 'never',
    good: DAY,
  },
  {
    title: 'a browser session of koa-session (maxAge session) is an error',
    of: [parent],
    async run(make) {
      const host = koaSessionHost(make().store, foreignPrefix(), { maxAge: 'session' })
      const sid = host.visit(undefined, ({ session }) => (session!['n'] = 1))
      return outcome(sid.then((id) => expiryIn(id!)))
    },
    bad: 'ERR value is not an integer or out of range',
    good: DAY,
  },
  ...[0, -0.5, -999].map((ttl) => ({
    title: `a session that has ended ${-ttl} ms ago is kept for ever`,
    of: [seed, parent],
    run: (make: Make) => saved(make, ttl),
    bad: 'never',
    good: 'gone',
  })),
  {
    title: 'a session that has ended more than a second ago is an error',
    of: [seed, parent],
    run: (make) => outcome(saved(make, -5000)),
    bad: "ERR invalid expire time in 'setex' command",
    good: 'gone',
  },
  {
    title: 'a number of milliseconds in a string is taken for seconds',
    of: [seed, parent],
    run: (make) => saved(make, '600000'),
    bad: 600_000_000,
    good: 600_000,
  },
  {
    title: 'a session that cannot be read is missing without a word',
    of: [seed, parent],
    async run(make) {
      const [store, redis, key] = [make(), eyes(), foreignPrefix()]
      await redis.set(key, `{"card":"${SECRET}`)
      const errors: unknown[] = []
      store.store.on('error', (error) => errors.push(error))
      const found = await store.get(key)
      return { found, told: errors.length, leaked: inspect(errors).includes(SECRET) }
    },
    bad: { found: undefined, told: 0, leaked: false },
    good: { found: undefined, told: 1, leaked: false },
  },
  {
    title: "an error of Redis carries the session's key and data",
    of: [seed, parent],
    async run(make) {
      const [store, redis, key] = [make(), eyes(), foreignPrefix()]
      await redis.rpush(key, 'a list')
      const error = await outcome(store.get(key), (reason) => reason)
      return inspect(error, { depth: 9 }).includes(key)
    },
    bad: true,
    good: false,
  },
  {
    title: "the caller's options are changed",
    of: [parent],
    async run(make) {
      const { url } = redisServers().single
      const options = { url, pass: '', isRedisCluster: false, nodes: [], lazyConnect: true }
      const before = { ...options }
      make.create(options)
      return Object.keys(before).filter((name) => !(name in options))
    },
    bad: ['url', 'isRedisCluster', 'nodes'],
    good: [],
  },
  {
    title: 'with duplicate the options lose their client, so that nobody can close it',
    of: [seed, parent],
    async run(make) {
      const options = { client: idle({}), duplicate: true, lazyConnect: true }
      make.create(options)
      return 'client' in options
    },
    bad: false,
    good: true,
  },
  {
    title: 'a duplicate has no password',
    of: [parent],
    async run(make) {
      const client = idle({ password: SECRET })
      return make.create({ client, duplicate: true, lazyConnect: true }).client.options.password
    },
    bad: null,
    good: SECRET,
  },
  {
    title: 'auth_pass and socket are ignored',
    of: [seed],
    async run(make) {
      const options = { auth_pass: SECRET, socket: '/tmp/redis.sock', lazyConnect: true }
      const { password, path } = make.create(options).client.options
      return { password, path }
    },
    bad: { password: null, path: undefined },
    good: { password: SECRET, path: '/tmp/redis.sock' },
  },
  {
    title: 'the event close, which its documentation lists, never comes',
    of: [seed],
    async run(make) {
      const { store } = make({ lazyConnect: true })
      let closed = 0
      store.on('close', () => closed++)
      store.client.emit('close')
      return closed
    },
    bad: 0,
    good: 1,
  },
  {
    title: 'status says what it was at the last event',
    of: [seed],
    async run(make) {
      const { store } = make({ lazyConnect: true })
      const connecting = store.client.connect()
      const { status } = store
      await connecting
      return status
    },
    bad: 'wait',
    good: 'connecting',
  },
]

describe.each(faults)('$title', ({ of, run, bad, good }) => {
  test.each(of.map((make) => [make.title, make] as const))('with %s', async (_, make) => {
    expect(await run(make)).toEqual(bad)
  })

  test('not here', async () => {
    expect(await run(ours)).toEqual(good)
  })
})

/** A client that never connects. */
function idle(options: object): Redis {
  return new Redis({ ...options, lazyConnect: true })
}

/** Saves a session with this ttl; how long is it kept? */
async function saved(make: Make, ttl: unknown): Promise<unknown> {
  const key = foreignPrefix()
  await make().set(key, { n: 1 }, ttl)
  return expiryIn(key)
}

/** How long a key is kept, to the minute that this test may last. */
async function expiryIn(key: string): Promise<number | 'never' | 'gone'> {
  const left = await eyes().pttl(key)
  if (left < 0) return left === -1 ? 'never' : 'gone'
  return Math.ceil(left / 60_000) * 60_000
}

/** The error is part of what a user sees. */
async function outcome(
  asked: Promise<unknown>,
  see: (error: Error) => unknown = (error) => error.message,
): Promise<unknown> {
  return asked.catch(see)
}
