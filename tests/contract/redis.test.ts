/** The Redis store keeps the contract of all stores, over every client and every kind of server. */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endedTombstone, movedTombstone } from '../../src/core/document.ts'
import { handleOf, newSessionId, randomSecret, randomTag } from '../../src/core/id.ts'
import type { Handle, SessionId } from '../../src/core/id.ts'
import type { Increment, Patch, Store } from '../../src/core/store.ts'
import { driverOf } from '../../src/redis/driver.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { sessionKey } from '../../src/redis/keys.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { clientRows } from '../support/clients.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../support/redis.ts'
import { describeStore } from './store.ts'
import type { StoreUnderTest } from './store.ts'

for (const { title, connect } of clientRows) {
  describeStore(title, async () => {
    const { client, close } = await connect()
    return { ...storeOver(client), close }
  })
}

describeStore('a store that connects to a URL by itself', async () => {
  const { url } = redisServers().single
  const eyes = new Redis(url)
  const prefix = freshPrefix()
  const store = redisStore({ url, prefix })
  return {
    ...storeOver(eyes, prefix),
    store,
    close: async () => {
      await store.close()
      eyes.disconnect()
    },
  }
})

/** A store over a client, and what the contract wants to see of Redis besides. */
function storeOver(client: RedisClient, prefix = freshPrefix()): Omit<StoreUnderTest, 'close'> {
  const { send } = driverOf(client)
  const remaining = async (handle: Handle): Promise<number> => {
    const key = sessionKey(prefix, handle)
    return (await send(key, false, ['PTTL', key])) as number
  }
  return {
    store: redisStore({ client, prefix }),
    remaining,
    leavesAfter: async (handle, ttl) => {
      const left = await remaining(handle)
      return left !== -1 && left <= ttl && left > ttl - 30_000
    },
  }
}

test('what is known of a session that was taken over stays as long as it was last told to, and no shorter', async () => {
  const redis = new Redis(redisServers().single.url)
  onTestFinished(() => redis.disconnect())
  const prefix = freshPrefix()
  const store = redisStore({ client: redis, prefix })
  const handle = `abc${'h'.repeat(22)}` as Handle
  const name = `def${'n'.repeat(22)}`
  for (const [markTtl, longest] of [
    [20_000, 20_000],
    [30_000, 30_000],
    [10_000, 30_000],
  ] as const) {
    const document = `{"@":["${markTtl}"]\n}`
    await store.pin(name, handle, markTtl)
    await store.adopt(handle, { markTtl, document, ttl: 5000, now: 0, owner: undefined })
    for (const key of [`{abc}:m:${'h'.repeat(22)}`, `{def}:p:${'n'.repeat(22)}`]) {
      const left = await redis.pttl(prefix + key)
      expect(left).toBeLessThanOrEqual(longest)
      expect(left).toBeGreaterThan(longest - 9000)
    }
  }
})

test.each(clientRows)(
  'something of another type is never written, and can be removed: $title',
  async ({ connect }) => {
    const { client, close } = await connect()
    onTestFinished(close)
    const prefix = foreignPrefix()
    const store = redisStore({ client, prefix })
    const handle = handleOf(await freshId())
    const next = handleOf(await freshId(handle.slice(0, 3)))
    const key = sessionKey(prefix, handle)
    await driverOf(client).send(key, false, ['RPUSH', key, 'a list'])
    expect(await store.load(handle)).toBe('')
    expect(await store.create(handle, DOCUMENT, 60_000)).toBe('taken')
    const moved = { successor: next, tombstone: movedTombstone(next, NOW) }
    const wrongType = /^WRONGTYPE/
    await expect(store.touch(handle, NOW)).rejects.toThrow(wrongType)
    await expect(store.update(handle, patch('r1'))).rejects.toThrow(wrongType)
    await expect(store.increment(handle, step('r2'))).rejects.toThrow(wrongType)
    await expect(store.regenerate(handle, patch('r3'), moved)).rejects.toThrow(wrongType)
    expect(await driverOf(client).send(key, false, ['LRANGE', key, '0', '-1'])).toEqual(['a list'])
    expect(await store.load(next)).toBeUndefined()
    expect(await store.end(handle, endedTombstone)).toBe('absent')
    expect(await store.load(handle)).toBeUndefined()
  },
)

describe('a session in Redis', () => {
  test('lies under the hash of its id, and the id is nowhere', async () => {
    const redis = connection(redisServers().single.port)
    const prefix = freshPrefix()
    const id = await freshId()
    await redisStore({ client: redis, prefix }).create(handleOf(id), DOCUMENT, 60_000)
    const keys = await redis.keys(`${prefix}*`)
    expect(keys).toEqual([`${prefix}{${id.slice(0, 3)}}:${handleOf(id).slice(3)}`])
    expect(await redis.get(keys[0] ?? '')).toBe(DOCUMENT)
    for (let at = 3; at + 6 <= id.length; at++) expect(keys[0]).not.toContain(id.slice(at, at + 6))
  })

  test('starts with hs: where no prefix is given', async () => {
    const server = await ownServer()
    const handle = handleOf(await freshId())
    await redisStore({ client: server }).create(handle, DOCUMENT, 60_000)
    expect(await server.keys('*')).toEqual([`hs:{${handle.slice(0, 3)}}:${handle.slice(3)}`])
  })
})

describe('a client', () => {
  test('that was given stays open when the store is closed', async () => {
    const redis = connection(redisServers().single.port)
    await redisStore({ client: redis }).close()
    expect(await redis.ping()).toBe('PONG')
  })

  test('that is not connected is named as the cause, with the remedy', async () => {
    const store = redisStore({ client: createClient({ url: redisServers().single.url }) })
    await expect(store.load(handleOf(await freshId()))).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('await client.connect()'),
    })
  })

  test('that nobody listens to does not end the process when its connection breaks', async () => {
    const redis = new Redis({ port: 1, retryStrategy: () => null, lazyConnect: true })
    expect(redis.listenerCount('error')).toBe(0)
    const store = redisStore({ client: redis })
    await expect(store.load(handleOf(await freshId()))).rejects.toThrow(/closed|ECONNREFUSED/)
    expect(redis.listenerCount('error')).toBe(1)
  })
})

describe('a store with a URL', () => {
  test('connects at once, and closes what it has opened', async () => {
    const server = await ownServer()
    const own = await server.client('ID')
    /** Connections that came after the one of this test. */
    const later = async (): Promise<number> => {
      const list = String(await server.client('LIST'))
      return [...list.matchAll(/^id=(\d+)/gm)].filter(([, id]) => Number(id) > own).length
    }
    const store = redisStore({ url: `redis://127.0.0.1:${server.options.port}` })
    await expect.poll(later).toBe(1)
    expect(await store.load(handleOf(await freshId()))).toBeUndefined()
    expect(await later()).toBe(1)
    await store.close()
    await expect.poll(later).toBe(0)
  })

  test('of which nothing came can be closed too', async () => {
    await expect(redisStore({ url: 'redis://127.0.0.1:1' }).close()).resolves.toBeUndefined()
  })

  test('where no server answers rejects, and goes on to', async () => {
    const store = redisStore({ url: 'redis://127.0.0.1:1' })
    onTestFinished(() => store.close())
    const handle = handleOf(await freshId())
    await expect(store.load(handle)).rejects.toThrow(/no connection/)
    await expect(store.load(handle)).rejects.toThrow(/no connection/)
  })
})

describe('scripts', () => {
  test.each(clientRows)(
    'that a server has forgotten are sent again: $title',
    async ({ title, connect }) => {
      const { client, close } = await connect()
      onTestFinished(close)
      const { send } = driverOf(client)
      const nodes = redisServers().cluster.nodes.map(({ port }) => connection(port))
      const forget = (): Promise<unknown> =>
        title.endsWith('cluster')
          ? Promise.all(nodes.map((node) => node.script('FLUSH')))
          : send('', false, ['SCRIPT', 'FLUSH'])
      const store = redisStore({ client, prefix: freshPrefix() })
      const handle = handleOf(await freshId())
      const next = handleOf(await freshId(handle.slice(0, 3)))
      await store.create(handle, DOCUMENT, 60_000)
      const moved = { successor: next, tombstone: movedTombstone(next, NOW) }
      const updated = { kind: 'updated', conflicts: [] }
      const verbs: [string, () => Promise<unknown>, unknown][] = [
        ['touch', () => store.touch(handle, NOW), 'touched'],
        ['update', () => store.update(handle, patch('r1')), updated],
        ['increment', () => store.increment(handle, step('r2')), { kind: 'incremented', value: 1 }],
        ['regenerate', () => store.regenerate(handle, patch('r3'), moved), updated],
        ['end', () => store.end(next, endedTombstone), 'ended'],
      ]
      for (const [verb, run, outcome] of verbs) {
        await forget()
        expect([verb, await run()]).toEqual([verb, outcome])
      }
    },
  )

  test('are sent once and called by their digest from then on', async () => {
    const redis = await ownServer()
    const store = redisStore({ client: redis })
    const handle = handleOf(await freshId())
    await store.create(handle, DOCUMENT, 60_000)
    for (let at = 0; at < 10; at++) await store.update(handle, patch(`r${at}`))
    const stats = await redis.info('commandstats')
    expect(stats).toMatch(/cmdstat_eval:calls=1,/)
    expect(stats).toMatch(/cmdstat_evalsha:calls=10,.*failed_calls=1/)
  })

  test('that many requests need at once after a restart are sent by each, and all succeed', async () => {
    const redis = await ownServer()
    const store = redisStore({ client: redis })
    const handle = handleOf(await freshId())
    await store.create(handle, DOCUMENT, 60_000)
    await redis.script('FLUSH')
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, at) => store.increment(handle, step(`r${at}`))),
    )
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(50).fill('incremented'))
    expect(await store.load(handle)).toContain('\n,"n":50\n')
  })
})

test('8,500 fields that another request changed too are all named', async () => {
  const redis = await ownServer()
  const store = redisStore({ client: redis })
  const handle = handleOf(await freshId())
  const names = Array.from({ length: 8500 }, (_, at) => `"${at}"`)
  const body = names.map((name) => `,${name}:1\n`).join('')
  await store.create(handle, DOCUMENT.replace('}', `${body}}`), 60_000)
  const changes = names.map((name) => ({ name, from: '0', to: '2' }))
  const outcome = await store.update(handle, { ...patch('r1'), changes, maxBytes: 200_000 })
  expect(outcome).toEqual({ kind: 'updated', conflicts: names })
})

describe('where the memory of Redis is full', () => {
  async function full(): Promise<{ redis: Redis; store: Store; handle: Handle }> {
    const redis = await ownServer()
    const store = redisStore({ client: redis })
    const handle = handleOf(await freshId())
    await store.create(handle, DOCUMENT, 60_000)
    // The scripts are known: an EVAL needs memory too.
    await store.touch(handle, NOW)
    await redis.config('SET', 'maxmemory', '1')
    return { redis, store, handle }
  }

  test('a session can be ended, and stays ended', async () => {
    const { redis, store, handle } = await full()
    expect(await store.end(handle, endedTombstone)).toBe('ended')
    await redis.config('SET', 'maxmemory', '0')
    expect(await store.touch(handle, NOW)).toBe('gone')
    expect(await store.update(handle, patch('late'))).toEqual({ kind: 'gone' })
  })

  test('a session can be ended although the script is not known to the server', async () => {
    const { redis, store, handle } = await full()
    await redis.script('FLUSH')
    expect(await store.end(handle, endedTombstone)).toBe('ended')
    expect(await store.load(handle)).not.toBe(DOCUMENT)
  })

  test('sessions can be read, and writes are errors that change nothing', async () => {
    const { store, handle } = await full()
    const next = handleOf(await freshId(handle.slice(0, 3)))
    const before = await store.load(handle)
    const moved = { successor: next, tombstone: movedTombstone(next, NOW) }
    const writes = [
      () => store.create(next, DOCUMENT, 60_000),
      () => store.update(handle, patch('r1')),
      () => store.increment(handle, step('r2')),
      () => store.touch(handle, NOW + 1000),
      () => store.regenerate(handle, patch('r3'), moved),
    ]
    for (const write of writes) {
      await expect(write()).rejects.toThrow(/OOM/)
      expect(await store.load(handle)).toBe(before)
      expect(await store.load(next)).toBeUndefined()
    }
  })
})

const NOW = Date.UTC(2026, 0, 1)
const DOCUMENT = `{"@":[1,"first0",${NOW},0,3600000,86400000]\n,"user":"ann"\n}`

function patch(revision: string): Patch {
  return { now: NOW, revision, changes: [], onConflict: 'overwrite', maxBytes: 4096 }
}

function step(revision: string): Increment {
  return { now: NOW, revision, name: '"n"', by: 1, maxBytes: 4096 }
}

async function freshId(tag = randomTag()): Promise<SessionId> {
  return newSessionId(tag, randomSecret, undefined)
}

function connection(port: number): Redis {
  const redis = new Redis({ port })
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A server that no other test uses. */
async function ownServer(): Promise<Redis> {
  const { single, stop } = await startRedis({ single: true })
  onTestFinished(() => stop())
  return connection(single.port)
}
