/** Over which clients and servers sessions are kept, and with which options a client is made. */
import redisStore from 'handstamp/compat/koa-session-ioredis'
import type { RedisStoreOptions } from 'handstamp/compat/koa-session-ioredis'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { driverOf } from '../../../src/redis/driver.ts'
import type { RedisClient, SendClient } from '../../../src/redis/driver.ts'
import { clientRows } from '../../support/clients.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { eyes, ours, parent } from './support/stores.ts'
import type { SessionStore } from './support/stores.ts'

interface Connecting {
  connect(): Promise<unknown>
}

interface Where {
  host: string
  port: number
  keyPrefix: string
}

describe('client', () => {
  test.each(clientRows)('$title', async ({ connect }) => {
    const { client, close } = await connect()
    onTestFinished(close)
    const store = redisStore({ client })
    expect(store.client).toBe(client)
    await until('it is connected', () => store.status === 'ready' && store.connected)
    expect(await lifeOf(store)).toEqual(LIFE)
  })

  test('ioredis 4, as koa-redis brings it along', async () => {
    const { client } = parent().store
    expect(await lifeOf(redisStore({ client }))).toEqual(LIFE)
  })

  test('that is none is refused', () => {
    const client = {} as RedisClient
    expect(() => redisStore({ client })).toThrow('is not a client of ioredis')
  })

  test.each([
    ['ioredis 6', (options: Where) => new Redis(options)],
    ['ioredis 5', (options: Where) => new Redis5(options)],
    ['iovalkey', (options: Where) => new Valkey(options)],
  ])('with a keyPrefix puts it before the key: %s', async (_, create) => {
    const { host, port } = redisServers().single
    const [keyPrefix, redis] = [freshPrefix(), eyes()]
    const client = create({ host, port, keyPrefix })
    onTestFinished(() => client.disconnect())
    const store = redisStore({ client })
    await store.set('sid', { n: 1 }, 60_000)
    expect(await redis.get(`${keyPrefix}sid`)).toBe('{"n":1}')
    expect(await store.get('sid')).toEqual({ n: 1 })
    await store.destroy('sid')
    expect(await redis.exists(`${keyPrefix}sid`)).toBe(0)
  })
})

describe('duplicate', () => {
  test.each(
    clientRows.filter(({ title }) => /^(ioredis 6|iovalkey|redis 6), (single|cl)/.test(title)),
  )('makes a client of its own: $title', async ({ connect }) => {
    const { client, close } = await connect()
    onTestFinished(close)
    const store = redisStore({ client, duplicate: true })
    onTestFinished(() => store.quit())
    expect(store.client).not.toBe(client)
    // One of node-redis waits to be told.
    if ('isOpen' in store.client) await (store.client as SendClient & Connecting).connect()
    expect(await lifeOf(store)).toEqual(LIFE)
  })

  test('takes the other options', async () => {
    const { host, port } = redisServers().single
    const client = new Redis({ host, port, lazyConnect: true, username: 'default' })
    const store = redisStore({ client, duplicate: true, db: 2, connectionName: 'sessions' })
    onTestFinished(() => store.quit())
    expect(store.client.options).toMatchObject({
      host,
      port,
      username: 'default',
      db: 2,
      connectionName: 'sessions',
    })
    expect(client.options.db).toBe(0)
  })
})

describe('db', () => {
  test.each<[string, (url: string) => RedisStoreOptions]>([
    ['of an own client', (url) => ({ port: Number(new URL(url).port), db: 3 })],
    ['as text', (url) => ({ port: Number(new URL(url).port), db: '3' })],
    ['against the one of the url', (url) => ({ url: `${url}/5`, db: 3 })],
    ['of a given client of ioredis', (url) => ({ client: new Redis(url), db: 3 })],
    ['of a given client of iovalkey', (url) => ({ client: new Valkey(url), db: 3 })],
  ])('is selected, and again after the connection broke: %s', async (_, optionsFor) => {
    const { url } = redisServers().single
    const store = ours.create(optionsFor(url))
    const other = new Redis(`${url}/3`)
    onTestFinished(() => other.disconnect())
    const key = freshPrefix()
    await store.set(key, { n: 1 }, 60_000)
    expect(await other.get(key)).toBe('{"n":1}')
    const id = await store.client.client('ID')
    await other.client('KILL', 'ID', id)
    await store.set(key, { n: 2 }, 60_000)
    expect(await other.get(key)).toBe('{"n":2}')
    expect(await store.client.client('ID')).not.toBe(id)
  })

  test('of a given client of node-redis', async () => {
    const { url } = redisServers().single
    const client = createClient({ url })
    onTestFinished(() => client.destroy())
    const store = redisStore({ client: client as RedisClient, db: 3 })
    await client.connect()
    const other = new Redis(`${url}/3`)
    onTestFinished(() => other.disconnect())
    const key = freshPrefix()
    await store.set(key, { n: 1 }, 60_000)
    expect(await other.get(key)).toBe('{"n":1}')
  })

  test.each(clientRows.filter(({ title }) => title.endsWith('cluster')))(
    'is refused on a Cluster: $title',
    async ({ connect }) => {
      const { client, close } = await connect()
      onTestFinished(close)
      expect(() => redisStore({ client, db: 1 })).toThrow(/^db: a Redis Cluster has/)
    },
  )
})

describe('a client made from options', () => {
  test('finds its server by host and port', async () => {
    const { host, port } = redisServers().single
    expect(await lifeOf(ours.create({ host, port }))).toEqual(LIFE)
  })

  test.each([String, (text: string) => new URL(text)])('finds its server by url', async (as) => {
    expect(await lifeOf(ours.create({ url: as(redisServers().single.url) }))).toEqual(LIFE)
  })

  test('finds its server by sentinels and name', async () => {
    const { sentinels, name } = redisServers().sentinel
    expect(await lifeOf(ours.create({ sentinels: [...sentinels], name }))).toEqual(LIFE)
  })

  test('is a Cluster with isRedisCluster, nodes and clusterOptions', async () => {
    const nodes = redisServers().cluster.nodes.map(({ host, port }) => ({ host, port }))
    const redisOptions = { connectionName: 'sessions' }
    const store = ours.create({ isRedisCluster: true, nodes, clusterOptions: { redisOptions } })
    expect(store.client.isCluster).toBe(true)
    expect(store.client.options).toMatchObject({ redisOptions })
    expect(await lifeOf(store)).toEqual(LIFE)
  })

  const NONE = { lazyConnect: true }

  test.each([
    {},
    { host: 'redis.example', port: 1 },
    { url: 'redis://:word@redis.example:1/2' },
    { url: 'redis://redis.example:1', password: 'word', keyPrefix: 'k:' },
    { password: 'word' },
    { auth_pass: 'word' },
    { pass: 'word' },
    { pass: 'third', auth_pass: 'second', password: 'first' },
    { path: '/tmp/redis.sock' },
    { socket: '/tmp/redis.sock' },
    { socket: '/tmp/other.sock', path: '/tmp/redis.sock' },
    { db: 2 },
    { maxRetriesPerRequest: 3, enableOfflineQueue: false, username: 'user' },
    { isRedisCluster: false, nodes: [{ port: 1 }], clusterOptions: {} },
  ])('has the settings that koa-redis gives it: %j', (options) => {
    const { client: mine } = ours.create({ ...options, ...NONE })
    const { client: theirs } = parent.create({ ...options, ...NONE, db: undefined })
    const names = 'host port path username password keyPrefix maxRetriesPerRequest'
    for (const name of [...names.split(' '), 'enableOfflineQueue'] as (keyof typeof mine.options)[])
      expect([name, mine.options[name] || null]).toEqual([name, theirs.options[name] || null])
  })
})

const LIFE = [null, undefined, '{"n":1}', { n: 1 }, undefined, '{"n":2}', undefined, false, null]

/** What is seen of a session that is created, read, updated, destroyed, and saved late. */
async function lifeOf(store: SessionStore & { readonly client: RedisClient }): Promise<unknown[]> {
  const key = freshPrefix()
  const { send } = driverOf(store.client)
  const inRedis = (): Promise<unknown> => send(key, false, ['get', key])
  const seen = [await store.get(key), await store.set(key, { n: 1 }, 60_000), await inRedis()]
  const session = (await store.get(key)) as { n: number }
  seen.push({ ...session })
  session.n = 2
  seen.push(await store.set(key, session, 60_000), await inRedis())
  seen.push(await store.destroy(key), await store.set(key, session, 60_000), await store.get(key))
  return seen
}
