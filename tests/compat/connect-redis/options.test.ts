/** Every option does what it says. */
import { readFileSync } from 'node:fs'
import session from 'express-session'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import redis3 from 'redis3'
import { createClient } from '../../../src/compat/connect-redis/create-client.ts'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import type { RedisStoreOptions, Serializer } from '../../../src/compat/connect-redis.ts'
import { secondsToLive } from '../../../src/compat/connect-redis/ttl.ts'
import { optionError } from '../../../src/core/errors.ts'
import { freePort } from '../../../tools/redis/port.mjs'
import { monitor } from '../../support/monitor.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { serverWithPassword, socketPath } from './own-server.ts'
import { originals } from './originals.ts'

function connection(): Redis {
  const redis = new Redis(redisServers().single.url)
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A store that makes its client itself, ended with the test. */
function created(options: RedisStoreOptions): RedisStore {
  const store = new RedisStore(options)
  onTestFinished(() => (store.client as Redis).disconnect())
  return store
}

function onlyRedis3(name: string): unknown {
  if (name !== 'redis') throw optionError('not installed')
  return redis3
}

const browserSession = { cookie: { originalMaxAge: null } }

test('the defaults are those of connect-redis, and show as properties', () => {
  const client = connection()
  const names = 'client prefix scanCount serializer ttl disableTTL disableTouch'.split(' ')
  const shown = (store: object): unknown[] => names.map((name) => Reflect.get(store, name))
  const ours = shown(new RedisStore({ client }))
  expect(ours).toEqual(shown(new originals[10]({ client })))
  expect(ours).toEqual([client, 'sess:', 100, JSON, 86_400, false, false])
})

test('a prefix of null or undefined is the default, an empty one is empty', () => {
  const client = connection()
  const prefixes = [null, undefined, '', 'p'].map((prefix) =>
    prefix === undefined ? {} : { prefix },
  )
  expect(prefixes.map((options) => new RedisStore({ client, ...options }).prefix)).toEqual([
    'sess:',
    'sess:',
    '',
    'p',
  ])
})

test('a store over an empty prefix lists all keys of its database', async () => {
  const server = await serverWithPassword()
  const options = { port: server.port, pass: server.password, prefix: '' }
  const [here, there] = [created({ ...options, db: 1 }), created({ ...options, db: 2 })]
  await here.set('a', browserSession)
  await there.set('b', browserSession)
  expect(await here.ids()).toEqual(['a'])
  await here.clear()
  expect(await there.ids()).toEqual(['b'])
})

test('scanCount is the COUNT of SCAN', async () => {
  const store = new RedisStore({ client: connection(), prefix: freshPrefix(), scanCount: 7 })
  await store.set('a', browserSession)
  const seen = await monitor(redisServers().single.port)
  await store.ids()
  expect(await seen.lines()).toContain(`"MATCH" "${store.prefix}*" "COUNT" "7"`)
})

test('a serializer of the application writes and reads', async () => {
  const redis = connection()
  const serializer: Serializer = {
    stringify: (record: object) => Buffer.from(JSON.stringify(record)).toString('base64'),
    async parse(text: string): Promise<unknown> {
      return JSON.parse(Buffer.from(text, 'base64').toString())
    },
  }
  const store = new RedisStore({ client: redis, prefix: freshPrefix(), serializer })
  await store.set('a', { ...browserSession, name: 'Ada' })
  expect(await redis.get(`${store.prefix}a`)).toMatch(/^[A-Za-z0-9+/=]+$/)
  expect(await store.get('a')).toEqual({ ...browserSession, name: 'Ada' })
  serializer.parse = async () => Promise.reject(new Error('another key'))
  await expect(store.get('a')).rejects.toThrow('another key')
})

test('a serializer that takes its time is awaited, and one that has nothing to store is told', async () => {
  const redis = connection()
  const prefix = freshPrefix()
  const store = (stringify: (record: object) => unknown): RedisStore =>
    new RedisStore({
      client: redis,
      prefix,
      serializer: { parse: JSON.parse, stringify } as Serializer,
    })
  await store(async (record) => JSON.stringify(record)).set('a', browserSession)
  await store((record) => Buffer.from(JSON.stringify(record))).set('b', browserSession)
  expect(await redis.mget(`${prefix}a`, `${prefix}b`)).toEqual(
    [browserSession, browserSession].map((record) => JSON.stringify(record)),
  )
  for (const nothing of [undefined, null, 5, {}, Promise.resolve(undefined)])
    await expect(store(() => nothing).set('c', browserSession)).rejects.toMatchObject({
      code: 'ERR_OPTION',
    })
  expect(await redis.exists(`${prefix}c`)).toBe(0)
})

describe('ttl', () => {
  const now = Date.UTC(2026, 0, 1)
  const at = (ms: number): Date => new Date(now + ms)
  const decide = (): number => 1

  test.each([
    ['the default is a day', undefined, { originalMaxAge: null }, 86_400, 86_400],
    ['the option says it where the cookie does not', undefined, {}, 60, 60],
    ['it may be text', undefined, {}, '60', 60],
    ['a fraction is rounded up', undefined, {}, 59.5, 60],
    ['the end of the cookie comes before the option', undefined, { expires: at(9000) }, 60, 9],
    ['a cookie of less than a second lives one', undefined, { expires: at(1) }, 60, 1],
    ['the end may be text', undefined, { expires: at(9001).toISOString() }, 60, 10],
    ['no date at all is as none', undefined, { expires: 'soon' }, 60, 60],
    ['a date that has passed ends the session', undefined, { expires: at(-1) }, 60, 0],
    [
      'so does one that the application has put there',
      undefined,
      { expires: at(-1), originalMaxAge: -1000 },
      60,
      0,
    ],
    [
      'one that was stored long ago is renewed',
      undefined,
      { expires: at(-9), originalMaxAge: 5001 },
      60,
      6,
    ],
    ['the function comes first', 5, { expires: at(9000) }, 60, 5],
    ['it can end the session', 0, { expires: at(9000) }, 60, 0],
    ['where it has nothing to say the cookie has', undefined, { expires: at(9000) }, decide, 9],
    ['then a day', Number.NaN, {}, decide, 86_400],
    ['a record without a cookie lives as the option says', undefined, undefined, 60, 60],
    ['more than Redis takes is a hundred years', 1e20, {}, 60, 3_153_600_000],
    ['also as the option', undefined, {}, 1e20, 3_153_600_000],
  ] as const)('%s', (_, given, cookie, option, seconds) => {
    expect(secondsToLive(given, cookie, option, now)).toBe(seconds)
  })

  test('is a whole number whatever it is made of', () => {
    const anything = fc.oneof(fc.double(), fc.string(), fc.constantFrom(undefined, null))
    const cookies = fc.record({
      expires: fc.oneof(fc.date({ noInvalidDate: false }), fc.string(), fc.constant(null)),
      originalMaxAge: fc.oneof(fc.double(), fc.constant(null)),
    })
    fc.assert(
      fc.property(anything, cookies, anything, (given, cookie, option) => {
        expect(Number.isInteger(secondsToLive(given, cookie, option, now))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('as a function gets what the form of the class promises', async () => {
    const client = connection()
    const calls: unknown[][] = []
    const ttl = (...args: unknown[]): number => {
      calls.push(args)
      return 60
    }
    const options = { client, prefix: freshPrefix(), ttl }
    const modern = new RedisStore(options)
    await modern.set('a', browserSession)
    const classic = new (RedisStore(session as { Store: unknown }))(options)
    await classic.set('a', browserSession)
    expect(calls).toEqual([[browserSession], [classic, browserSession, 'a']])
  })

  test('that is huge is taken by Redis', async () => {
    const store = new RedisStore({ client: connection(), prefix: freshPrefix(), ttl: 1e20 })
    await store.set('a', browserSession)
    await store.touch('a', browserSession)
    expect(await store.get('a')).toEqual(browserSession)
  })

  test('that is negative ends the session, as in connect-redis', async () => {
    const client = connection()
    let seconds = 60
    const store = new RedisStore({ client, prefix: freshPrefix(), ttl: () => seconds })
    await store.set('a', browserSession)
    seconds = -1
    await store.set('a', browserSession)
    expect(await store.get('a')).toBeNull()
  })
})

describe('a client is made', () => {
  test('from host and port, url, or socket', async () => {
    const { host, port, url } = redisServers().single
    const prefix = freshPrefix()
    const path = await socketPath()
    for (const from of [
      { host, port },
      { host, port: String(port) },
      { url },
      { socket: url },
      { socket: path },
    ]) {
      const store = created({ ...from, prefix })
      await store.set('a', { ...browserSession, from: Object.keys(from) })
      expect((await store.get('a'))?.['from']).toEqual(Object.keys(from))
    }
  })

  test('with pass and db, and with options of its own', async () => {
    const server = await serverWithPassword()
    const store = created({
      host: '127.0.0.1',
      port: server.port,
      pass: server.password,
      db: 3,
      prefix: 'p:',
      connectionName: 'the-store',
    })
    await store.set('a', browserSession)
    expect(await server.databasesOf('p:a')).toEqual([3])
    expect(await server.named).toBe('the-store')
  })

  test('by node_redis 3 too, which connects by itself and calls back', async () => {
    const { host, port, url } = redisServers().single
    const prefix = freshPrefix()
    for (const from of [
      { host, port },
      { url, db: 0 },
      { socket: url },
      { socket: await socketPath() },
    ]) {
      const client = createClient(from, onlyRedis3) as ReturnType<typeof redis3.createClient>
      onTestFinished(() => void client.end(false))
      const store = new RedisStore({ client, prefix })
      await store.set('a', { ...browserSession, from: Object.keys(from) })
      expect((await store.get('a'))?.['from']).toEqual(Object.keys(from))
    }
  })

  test('by node_redis 3, and Redis away is no end of the process', async () => {
    const client = createClient({ port: await freePort() }, onlyRedis3) as ReturnType<
      typeof redis3.createClient
    >
    onTestFinished(() => void client.end(false))
    await new Promise((resolve) => client.on('error', resolve))
    expect(client.listenerCount('error')).toBe(2)
  })

  test('and a wrong password is an error of each call, not the end of the process', async () => {
    const server = await serverWithPassword()
    const store = created({ port: server.port, pass: 'wrong', maxRetriesPerRequest: 0 })
    await expect(store.get('a')).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_STORE/),
    })
  })
})

test('every client that the guide names may be installed beside it', () => {
  const { peerDependencies } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { peerDependencies: Record<string, string> }
  expect(peerDependencies['redis']).toBe('>=2')
})

describe('logErrors', () => {
  const nowhere = { port: 1, maxRetriesPerRequest: 0 }

  test('as a function gets the errors of the client', async () => {
    const told = new Promise((logErrors) => created({ ...nowhere, logErrors }))
    expect(await told).toBeInstanceOf(Error)
  })

  test('true writes them to console.error, false to nowhere', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    onTestFinished(() => written.mockRestore())
    const silent = created(nowhere)
    await new Promise((resolve) => silent.on('disconnect', resolve))
    expect(written).not.toHaveBeenCalledWith(expect.stringContaining('session store'))
    const logging = created({ ...nowhere, logErrors: true })
    await new Promise((resolve) => logging.on('disconnect', resolve))
    await vi.waitFor(() =>
      expect(written).toHaveBeenCalledWith(expect.stringContaining('ECONNREFUSED')),
    )
  })
})

test('twenty stores over one client are no leak of listeners', async () => {
  const warned = vi.fn<(warning: Error) => void>()
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const client = new Redis(redisServers().single.url, { lazyConnect: true })
  onTestFinished(() => client.disconnect())
  const stores = Array.from({ length: 20 }, () => new RedisStore({ client, unref: true }))
  const told = stores.map((store) => new Promise((resolve) => store.once('connect', resolve)))
  await client.connect()
  await Promise.all(told)
  await new Promise((resolve) => setImmediate(resolve))
  expect(warned).not.toHaveBeenCalled()
})

test('wrong options are refused at once', () => {
  const client = connection()
  const wrong: RedisStoreOptions[] = [
    { client: undefined as unknown as object },
    { client: {} },
    { client: 5 as unknown as object },
    { client: 'redis://localhost' as unknown as object },
    { client, scanCount: -5 },
    { client, scanCount: 2.5 },
    { client, ttl: -1 },
    { client, ttl: 'soon' },
    { client, ttl: Infinity },
    { client, ttl: true as unknown as number },
    { client, db: 1 },
    { client, pass: 'hunter2' },
  ]
  for (const options of wrong)
    expect(() => new RedisStore(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
})
