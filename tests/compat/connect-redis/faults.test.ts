/** Each fault of connect-redis: the same scenario with the original, which has it, and with ours. */
import { inspect } from 'node:util'
import session from 'express-session'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient as createClient3 } from 'redis3'
import { createCluster as createCluster4 } from 'redis4'
import { createCluster as createCluster5 } from 'redis5'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import { monitor } from '../../support/monitor.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'
import { ask, clients, originals } from './originals.ts'
import type { AnyStore, StoreClass } from './originals.ts'

const { Cookie } = session as { Cookie: new (options: object) => { expires: unknown } }

interface Bench {
  /** A store of the package under test. */
  store(
    options?: object,
    open?: () => Promise<{ client: object; close(): unknown }>,
  ): Promise<AnyStore>
  readonly prefix: string
  /** The server as it is. */
  readonly redis: Redis
}

interface Fault {
  readonly fault: string
  readonly major: keyof typeof originals
  readonly client?: keyof typeof clients
  /** For keys that the original leaves without an expiry. */
  readonly isEndless?: true
  /** What a user sees. */
  outcome(bench: Bench): Promise<unknown>
  readonly theirs: unknown
  readonly ours: unknown
}

const browserSession = { cookie: { originalMaxAge: null } }
const past = (): Date => new Date(Date.now() - 60_000)
const failure = (error: unknown): string => `error: ${String(error)}`

const faults: Fault[] = [
  {
    fault: 'the prefix is a pattern: foreign sessions are listed and cleared',
    major: 10,
    async outcome({ store, prefix, redis }) {
      const starred = await store({ prefix: `${prefix}a*:` })
      await ask(starred, 'set', 'mine', browserSession)
      const others = ['abc:1', 'a*b:2', String.raw`a\*:3`].map((name) => prefix + name)
      for (const key of others) await redis.set(key, '{}', 'EX', 60)
      const ids = (await ask(starred, 'ids')) as string[]
      await ask(starred, 'clear')
      return { ids: ids.length, foreign: await redis.exists(...others) }
    },
    theirs: { ids: 4, foreign: 0 },
    ours: { ids: 1, foreign: 3 },
  },
  ...(['a?:', 'a[bc]:', 'a[^x]:', 'a\\b:'] as const).map((name): Fault => ({
    fault: `the prefix ${name} is a pattern`,
    major: 6,
    client: 'redis 3',
    async outcome({ store, prefix, redis }) {
      await redis.set(`${prefix}ab:foreign`, '{}', 'EX', 60)
      const odd = await store({ prefix: prefix + name })
      await ask(odd, 'set', 'mine', browserSession)
      const ids = (await ask(odd, 'ids')) as string[]
      return ids.length === 1 && ids[0] === 'mine'
    },
    theirs: false,
    ours: true,
  })),
  {
    fault: 'an error of the callback is taken for one of Redis: the callback is called again',
    major: 10,
    async outcome({ store }) {
      const plain = await store()
      const calls: unknown[] = []
      const callback = (error: unknown): void => {
        calls.push(error)
        if (calls.length === 1) throw new Error('of the application')
      }
      const outcome = await Promise.resolve(plain.get('a', callback)).catch(failure)
      return { calls: calls.map(String), outcome }
    },
    theirs: { calls: ['null', 'Error: of the application'], outcome: undefined },
    ours: { calls: ['null'], outcome: 'error: Error: of the application' },
  },
  {
    fault: 'all() does not wait for a serializer that parses asynchronously',
    major: 10,
    async outcome({ store }) {
      const serializer = {
        stringify: JSON.stringify,
        parse: async (text: string): Promise<unknown> => JSON.parse(text),
      }
      const slow = await store({ serializer })
      await ask(slow, 'set', 'a', { ...browserSession, n: 1 })
      return ((await ask(slow, 'all')) as object[]).map((found) => ({ ...found }))
    },
    theirs: [{ id: 'a' }],
    ours: [{ ...browserSession, n: 1, id: 'a' }],
  },
  {
    fault: 'one damaged record fails all()',
    major: 10,
    async outcome({ store, prefix, redis }) {
      const plain = await store()
      await ask(plain, 'set', 'good', browserSession)
      await redis.set(`${prefix}bad`, 'oops', 'EX', 60)
      await redis.set(`${prefix}number`, '5', 'EX', 60)
      await redis.multi().hset(`${prefix}hash`, 'n', 1).expire(`${prefix}hash`, 60).exec()
      const all = await ask(plain, 'all').catch(() => 'error')
      return all === 'error' ? all : (all as { id: string }[]).map(({ id }) => id)
    },
    theirs: 'error',
    ours: ['good'],
  },
  {
    fault: 'a session that ends between SCAN and MGET fails all()',
    major: 3,
    async outcome({ store, prefix, redis }) {
      const plain = await store({}, async () => beforeMget(() => redis.del(`${prefix}ending`)))
      await ask(plain, 'set', 'ending', browserSession)
      await ask(plain, 'set', 'staying', browserSession)
      const all = await ask(plain, 'all').catch(() => 'error')
      return all === 'error' ? all : (all as { id: string }[]).map(({ id }) => id)
    },
    theirs: 'error',
    ours: ['staying'],
  },
  {
    fault: 'clear() is one command, however many sessions there are',
    major: 10,
    async outcome({ store, prefix }) {
      const plain = await store()
      await Promise.all(
        Array.from({ length: 1000 }, (_, n) => ask(plain, 'set', `s${n}`, browserSession)),
      )
      const seen = await monitor(redisServers().single.port)
      await ask(plain, 'clear')
      const removing = (await seen.lines())
        .split('\n')
        .filter((line) => /"(?:DEL|UNLINK)"/i.test(line) && line.includes(prefix))
      const most = Math.max(...removing.map((line) => line.split(prefix).length - 1))
      return { isBlocking: removing.some((line) => /"DEL"/i.test(line)), all: most === 1000 }
    },
    theirs: { isBlocking: true, all: true },
    ours: { isBlocking: false, all: false },
  },
  {
    fault: 'with disableTTL a cookie that has ended deletes the session',
    major: 10,
    isEndless: true,
    async outcome({ store, prefix, redis }) {
      const endless = await store({ disableTTL: true })
      await ask(endless, 'set', 'a', { cookie: { expires: past() } })
      return redis.exists(`${prefix}a`)
    },
    theirs: 0,
    ours: 1,
  },
  ...[undefined, Number.NaN].map((answer): Fault => ({
    fault: `a ttl function that returns ${answer} loses the session`,
    major: 10,
    async outcome({ store, prefix, redis }) {
      const deciding = await store({ ttl: () => answer })
      await ask(deciding, 'set', 'a', browserSession)
      return redis.ttl(`${prefix}a`)
    },
    theirs: -2,
    ours: 86_400,
  })),
  {
    fault: 'a ttl function that returns a fraction fails every save',
    major: 10,
    async outcome({ store, prefix, redis }) {
      const deciding = await store({ ttl: () => 59.5 })
      await ask(deciding, 'set', 'a', browserSession).catch(() => undefined)
      return redis.ttl(`${prefix}a`)
    },
    theirs: -2,
    ours: 60,
  },
  {
    fault: 'a ttl function that throws leaves the callback uncalled',
    major: 10,
    async outcome({ store }) {
      const ttl = (): number => {
        throw new Error('of the application')
      }
      const deciding = await store({ ttl })
      const told: unknown[] = []
      await Promise.resolve(deciding.set('a', browserSession, (error) => told.push(error))).catch(
        () => undefined,
      )
      return told.map(String)
    },
    theirs: [],
    ours: ['Error: of the application'],
  },
  {
    fault: 'a maxAge below a second fails every save',
    major: 3,
    client: 'redis 3',
    async outcome({ store, prefix, redis }) {
      const plain = await store()
      const cookie = new Cookie({ maxAge: 900 })
      const error = await ask(plain, 'set', 'a', { cookie }).then(
        () => 'none',
        () => 'error',
      )
      return { error, ttl: await redis.ttl(`${prefix}a`) }
    },
    theirs: { error: 'error', ttl: -2 },
    ours: { error: 'none', ttl: 1 },
  },
  ...(['touch', 'set'] as const).map((method): Fault => ({
    fault: `${method} with the date that is stored, which a touch never moves, deletes a live session`,
    major: 10,
    async outcome({ store, prefix, redis }) {
      const plain = await store()
      const kept = { cookie: { originalMaxAge: 120_000, expires: past().toISOString() } }
      await redis.set(`${prefix}a`, JSON.stringify(kept), 'EX', 60)
      await ask(plain, method, 'a', (await ask(plain, 'get', 'a')) as object)
      return redis.ttl(`${prefix}a`)
    },
    theirs: -2,
    ours: 120,
  })),
  {
    fault: 'an error of Redis carries the id of the session',
    major: 8,
    client: 'ioredis 5',
    async outcome({ store, prefix, redis }) {
      const plain = await store()
      const key = `${prefix}the-secret-id`
      await redis.multi().hset(key, 'n', 1).expire(key, 60).exec()
      const error: unknown = await ask(plain, 'get', 'the-secret-id').catch((reason) => reason)
      return inspect(error, { depth: 9, showHidden: true }).includes('the-secret-id')
    },
    theirs: true,
    ours: false,
  },
  {
    fault: 'an error of JSON quotes the session',
    major: 10,
    async outcome({ store, prefix, redis }) {
      const plain = await store()
      await redis.set(`${prefix}a`, 'hunter2', 'EX', 60)
      const error: unknown = await ask(plain, 'get', 'a').catch((reason) => reason)
      return inspect(error, { depth: 9, showHidden: true }).includes('hunter2')
    },
    theirs: true,
    ours: false,
  },
  ...(['ioredis 5', 'iovalkey', 'redis 3'] as const).map((name): Fault => ({
    fault: `behind a prefix of the client, foreign sessions are listed and own ones are not: ${name}`,
    major: name === 'redis 3' ? 6 : 8,
    async outcome({ store, prefix, redis }) {
      const outer = `app:${prefix}`
      const { url } = redisServers().single
      const prefixed = await store({}, async () => {
        const Ioredis = name === 'iovalkey' ? Valkey : Redis5
        const client =
          name === 'redis 3'
            ? createClient3(url, { prefix: outer })
            : new Ioredis(url, { keyPrefix: outer })
        return { client, close: () => client.quit() }
      })
      await ask(prefixed, 'set', 'mine', browserSession)
      await redis.set(`${prefix}foreign`, '{}', 'EX', 60)
      const ids = await ask(prefixed, 'ids')
      const all = (await ask(prefixed, 'all')) as unknown[]
      await ask(prefixed, 'clear')
      return { ids, all: all.length, left: await redis.exists(`${outer}${prefix}mine`) }
    },
    theirs: { ids: ['foreign'], all: 0, left: 1 },
    ours: { ids: ['mine'], all: 1, left: 0 },
  })),
]

describe('on one server', () => {
  const titled = faults.map((scenario) => [scenario.fault, scenario.major, scenario] as const)
  test.each(titled)('%s (connect-redis %s)', async (_fault, major, scenario) => {
    const { client = 'redis 6', outcome, theirs, ours, isEndless } = scenario
    const redis = new Redis(redisServers().single.url)
    onTestFinished(() => redis.disconnect())
    const benchOf = (Store: StoreClass): Bench => {
      const prefix = isEndless ? foreignPrefix() : freshPrefix()
      return {
        prefix,
        redis,
        async store(options, open = clients[client]) {
          const opened = await open()
          onTestFinished(async () => void (await opened.close()))
          return new Store({ client: opened.client, prefix, ...options })
        },
      }
    }
    expect(await outcome(benchOf(originals[major]))).toEqual(theirs)
    expect(await outcome(benchOf(RedisStore as unknown as StoreClass))).toEqual(ours)
  })
})

describe('on a Cluster', () => {
  async function outcomes(Store: StoreClass, client: object): Promise<Record<string, unknown>> {
    const store = new Store({ client, prefix: foreignPrefix(), scanCount: 100_000 })
    const sids = Array.from({ length: 50 }, (_, n) => `s${n}`)
    await Promise.all(sids.map((sid) => ask(store, 'set', sid, browserSession)))
    const count = async (method: 'ids' | 'all' | 'length'): Promise<unknown> => {
      const found = await ask(store, method).catch(() => 'error')
      return Array.isArray(found) ? found.length : found
    }
    const listed = {
      ids: await count('ids'),
      length: await count('length'),
      all: await count('all'),
    }
    const cleared = await ask(store, 'clear').then(
      () => 'done',
      () => 'error',
    )
    await Promise.all(sids.map((sid) => ask(store, 'destroy', sid)))
    return { ...listed, cleared }
  }
  const good = { ids: 50, length: 50, all: 50, cleared: 'done' }

  test('all() and clear() name keys of several slots in one command (connect-redis 10)', async () => {
    // node-redis 6 deals the keys out to their slots by itself.
    const client = createCluster5({
      rootNodes: redisServers().cluster.nodes.map(({ url }) => ({ url })),
    })
    await client.connect()
    onTestFinished(() => client.destroy())
    const theirs = await outcomes(originals[10], client)
    expect(theirs).toEqual({ ids: 50, length: 50, all: 'error', cleared: 'error' })
    expect(await outcomes(RedisStore as unknown as StoreClass, client)).toEqual(good)
  })

  test('lists look at one master only (connect-redis 8)', async () => {
    const client = new Cluster([...redisServers().cluster.nodes])
    onTestFinished(() => client.disconnect())
    const theirs = await outcomes(originals[8], client)
    expect(theirs['ids']).toBeLessThan(50)
    expect(theirs['length']).toBeLessThan(50)
    expect(await outcomes(RedisStore as unknown as StoreClass, client)).toEqual(good)
  })

  test('createCluster is taken for ioredis: keys without an end, no lists (connect-redis 7)', async () => {
    const client = createCluster4({
      rootNodes: redisServers().cluster.nodes.map(({ url }) => ({ url })),
    })
    await client.connect()
    onTestFinished(() => client.disconnect())
    const theirs = await outcomes(originals[7], client)
    expect(theirs).toEqual({ ids: 'error', length: 'error', all: 'error', cleared: 'error' })
    expect(await outcomes(RedisStore as unknown as StoreClass, client)).toEqual(good)
    const ttlWith = async (Store: StoreClass): Promise<number> => {
      const prefix = foreignPrefix()
      const store = new Store({ client, prefix })
      await ask(store, 'set', 'a', browserSession)
      const ttl = await client.ttl(`${prefix}a`)
      await ask(store, 'destroy', 'a')
      return ttl
    }
    expect(await ttlWith(originals[7])).toBe(-1)
    expect(await ttlWith(RedisStore as unknown as StoreClass)).toBe(86_400)
  })
})

/** ioredis, where something happens right before MGET. */
function beforeMget(happens: () => Promise<unknown>): { client: object; close(): void } {
  const client = new Redis5(redisServers().single.url)
  const { mget, call } = client
  type Any = (...args: unknown[]) => Promise<unknown>
  const later =
    (method: Any, when: (args: unknown[]) => boolean): Any =>
    async (...args) => {
      if (when(args)) await happens()
      return method.apply(client, args)
    }
  Object.assign(client, {
    mget: later(mget as Any, () => true),
    call: later(call as Any, ([command]) => String(command).toUpperCase() === 'MGET'),
  })
  return { client, close: () => client.disconnect() }
}
