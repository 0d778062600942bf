/**
 * The faults of the original, and that they are gone. Those of the store run on both: the commands that are
 * documented of the original, with the bad outcome, and ours. Those of the session run on ours.
 */
import type { Redis } from 'ioredis'
import { Cluster } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import sessionSets, { Store } from '../../../src/compat/koa-redis-session-sets.ts'
import { startRedis } from '../../../tools/redis/start.mjs'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'
import { Walker } from '../../support/walker.ts'
import { DocumentedStore } from './documented.ts'
import type { Value } from './documented.ts'
import { connected, site } from './site.ts'

/** What both stores have. */
interface AnyStore {
  createSessionId(): string
  getSessionKey(id: string): string
  getReferenceKey(field: string, value: string | number): string
  set(id: string, values: Record<string, Value>, maxAge?: number): Promise<unknown>
  unset(id: string, fields: readonly string[]): Promise<unknown>
  delete(id: string): Promise<unknown>
}

interface Scene {
  readonly store: AnyStore
  readonly client: Redis
  readonly id: string
  members(value: string | number): Promise<string[]>
}

interface Fault {
  readonly title: string
  readonly run: (scene: Scene) => Promise<unknown>
  readonly original: unknown
  readonly ours: unknown
}

const faults: readonly Fault[] = [
  {
    title: 'delete() takes the session out of the sets of its references',
    run: async ({ store, id, members }) => {
      await store.set(id, { user_id: 1, ip: 'a' })
      await store.delete(id)
      return (await members(1)).length
    },
    original: 1,
    ours: 0,
  },
  {
    title: 'a changed reference is in the set of the new value only',
    run: async ({ store, id, members }) => {
      await store.set(id, { user_id: 1 })
      await store.set(id, { user_id: 2 })
      return [(await members(1)).length, (await members(2)).length]
    },
    original: [1, 1],
    ours: [0, 1],
  },
  {
    title: 'expired sessions leave the sets that others join',
    run: async ({ store, client, id, members }) => {
      for (let n = 0; n < 40; n++) {
        const expired = store.createSessionId()
        await store.set(expired, { user_id: 1 })
        await client.del(store.getSessionKey(expired))
      }
      await store.set(id, { user_id: 1 })
      const left = await members(1)
      return left.includes(id) && left.length < 15
    },
    original: false,
    ours: true,
  },
  {
    title: 'every set has an expiry, that of its longest session',
    run: async ({ store, client, id }) => {
      await store.set(id, { user_id: 1 }, 90 * 86_400_000)
      await store.set(store.createSessionId(), { user_id: 1 }, 1000)
      const left = await client.pttl(store.getReferenceKey('user_id', 1))
      return left > 89.9 * 86_400_000
    },
    original: false,
    ours: true,
  },
  {
    title: 'unset([]) is no error',
    run: ({ store, id }) =>
      store.unset(id, []).then(
        () => 'done',
        (error: Error) => error.message.split(' ')[0],
      ),
    original: 'EXECABORT',
    ours: 'done',
  },
  {
    title: 'an error of one command is an error of the call',
    run: async ({ store, client, id }) => {
      await client.set(store.getReferenceKey('user_id', 1), 'no set', 'PX', 60_000)
      return store.set(id, { user_id: 1 }).then(
        () => 'resolved',
        () => 'rejected',
      )
    },
    original: 'resolved',
    ours: 'rejected',
  },
  {
    title: 'a lifetime that is none leaves no session without an expiry',
    run: async ({ store, client, id }) => {
      await store.set(id, { a: 1 }, 'soon' as never).catch(() => undefined)
      return (await client.exists(store.getSessionKey(id))) === 1 &&
        (await client.pttl(store.getSessionKey(id))) === -1
        ? 'immortal'
        : 'none'
    },
    original: 'immortal',
    ours: 'none',
  },
  {
    title: 'an object is not stored as [object Object]',
    run: async ({ store, client, id }) => {
      const failed = await store.set(id, { cart: { a: 1 } as never }).then(
        () => undefined,
        ({ code, fields }: { code: string; fields: string[] }) => [code, fields],
      )
      return failed ?? client.hget(store.getSessionKey(id), 'cart')
    },
    original: '[object Object]',
    ours: ['ERR_NOT_SERIALISABLE', ['cart']],
  },
  {
    title: 'a write that comes late does not bring a deleted session back',
    run: async ({ store, client, id }) => {
      await store.set(id, { user_id: 1 })
      await store.delete(id)
      await (store instanceof Store ? store.update(id, { a: 1 }) : store.set(id, { a: 1 }))
      return client.exists(store.getSessionKey(id))
    },
    original: 1,
    ours: 0,
  },
]

describe.each(faults)('$title', ({ run, original, ours }) => {
  const scene = (client: Redis, store: AnyStore): Scene => ({
    store,
    client,
    id: store.createSessionId(),
    members: (value) => client.smembers(store.getReferenceKey('user_id', value)),
  })
  const prepared = (): [Redis, string] => [connected(), foreignPrefix()]

  test('not so in the original, as documented', async () => {
    const [client, prefix] = prepared()
    const store = new DocumentedStore(client, prefix, ['user_id', 'ip'])
    expect(await run(scene(client, store))).toEqual(original)
  })

  test('so here', async () => {
    const [client, prefix] = prepared()
    const store = new Store({ client, prefix, references: { user_id: {}, ip: {} } })
    expect(await run(scene(client, store))).toEqual(ours)
  })
})

describe('on a Cluster, where session and sets lie in different slots', () => {
  const cluster = (): Cluster => {
    const client = new Cluster([...redisServers().cluster.nodes])
    onTestFinished(() => client.disconnect())
    return client
  }

  test('the original, as documented, cannot write a session with a reference', async () => {
    const store = new DocumentedStore(cluster() as unknown as Redis, foreignPrefix(), ['user_id'])
    await expect(store.set('a', { user_id: 1 })).rejects.toThrow(/slot/)
  })

  test('sessions with references are written, changed and deleted', async () => {
    const client = cluster()
    const store = new Store({ client, prefix: freshPrefix(), references: { user_id: {} } })
    for (let n = 0; n < 50; n++) {
      const id = store.createSessionId()
      await store.set(id, { user_id: n })
      await store.set(id, { user_id: -n - 1 })
      expect(await client.scard(store.getReferenceKey('user_id', n))).toBe(0)
      expect(await client.smembers(store.getReferenceKey('user_id', -n - 1))).toEqual([id])
      await store.delete(id)
      expect(await client.exists(store.getReferenceKey('user_id', -n - 1))).toBe(0)
    }
  })
})

describe('sets that the original left behind', () => {
  const legacy = async () => {
    const client = connected()
    const prefix = foreignPrefix()
    const old = new DocumentedStore(client, prefix, ['user_id'])
    const store = new Store({ client, prefix, references: { user_id: {} } })
    return { client, old, store, key: store.getReferenceKey('user_id', 1) }
  }

  test('get an expiry, not under that of the sessions in them', async () => {
    const { client, old, store, key } = await legacy()
    await old.set('old', { user_id: 1 })
    await old.set('older', { user_id: 1 }, 365 * 86_400_000)
    expect(await client.pttl(key)).toBe(-1)
    await store.set(store.createSessionId(), { user_id: 1 }, '5 minutes')
    expect(await client.pttl(key)).toBeGreaterThan(364 * 86_400_000)
  })

  test('get it also where looking at their members fails, which is nobody’s error', async () => {
    const { client, old, store, key } = await legacy()
    await old.set('old', { user_id: 1 })
    const call = client.call.bind(client) as (command: string, args: string[]) => Promise<unknown>
    const blind = new Store({
      client: {
        call: (command, args) =>
          command === 'srandmember' ? Promise.reject(new Error('no')) : call(command, args),
      },
      prefix: store.prefix,
      references: { user_id: {} },
    })
    expect(await blind.set('new', { user_id: 1 }, '5 minutes')).toHaveLength(3)
    expect(await client.pttl(key)).toBeGreaterThan(store.maxAge)
  })

  test('lose sessions that have another value by now', async () => {
    const { client, old, store, key } = await legacy()
    await old.set('moved', { user_id: 1 })
    await old.set('moved', { user_id: 2 })
    await store.set('new', { user_id: 1 })
    expect(await client.smembers(key)).toEqual(['new'])
  })
})

test.each(['lost', 'about to end'])(
  'a session that is used lives on in its set, also where that is %s',
  async (how) => {
    const client = connected()
    const store = new Store({ client, prefix: freshPrefix(), references: { user_id: {} } })
    const id = store.createSessionId()
    const key = store.getReferenceKey('user_id', 1)
    for (const use of [
      () => store.set(id, { user_id: 1 }),
      () => store.set(id, { other: 1 }),
      () => store.update(id, { other: 1 }),
      () => store.unset(id, ['other']),
      () => store.touch(id),
      () => store.setOnce(id, 'once', '1'),
    ]) {
      await use()
      expect(await client.smembers(key)).toEqual([id])
      expect(await client.pttl(key)).toBeGreaterThan(await client.pttl(store.getSessionKey(id)))
      await (how === 'lost' ? client.del(key) : client.pexpire(key, 20_000))
    }
  },
)

describe('reading', () => {
  test('creates nothing: no key and no cookie for a visitor, whatever is read', async () => {
    const { origin, keys } = await site({
      '/': async ({ session }) => [
        await session.get(),
        await session.get(['name']),
        await session.verifyCSRFToken('a-b'),
        await session.verifyCSRFToken(await session.get(), 'a-b'),
      ],
    })
    const page = await new Walker(origin).get('/')
    expect(JSON.parse(page.text)).toEqual([{}, { name: null, id: null }, false, false])
    expect(page.headers.getSetCookie()).toEqual([])
    expect(await keys()).toEqual([])
  })

  test('asks Redis nothing for a visitor without a cookie', async () => {
    const { origin, client } = await site({ '/': ({ session }) => session.get() })
    const call = vi.spyOn(client, 'call')
    await fetch(origin)
    expect(call).not.toHaveBeenCalled()
  })

  test('has the id also where the secret was created by it', async () => {
    const { origin } = await site({ '/': ({ session }) => session.get(['_csrf_secret']) })
    const ada = new Walker(origin)
    expect(JSON.parse((await ada.get('/')).text)).toEqual({
      id: await ada.cookie('session-id'),
      _csrf_secret: expect.stringMatching(/^[\w-]{24}$/),
    })
  })
})

test('parallel requests for a token of one session get tokens of one secret', async () => {
  const { origin, client, prefix } = await site({
    '/': ({ session }) => session.set({ a: 1 }),
    '/token': ({ session }) => session.createCSRFToken(),
    '/verify': ({ session, ctx }) => session.verifyCSRFToken(ctx.query['token']),
  })
  const ada = new Walker(origin)
  for (let round = 0; round < 5; round++) {
    await ada.get('/')
    const pages = await Promise.all(Array.from({ length: 10 }, () => ada.get('/token')))
    for (const { text } of pages)
      expect((await ada.get(`/verify?token=${JSON.parse(text)}`)).text).toBe('true')
    await client.hdel(`${prefix}:{${await ada.cookie('session-id')}}`, '_csrf_secret')
  }
})

describe('after delete()', () => {
  test('the same request goes on with another id', async () => {
    const { origin, client, prefix } = await site({
      '/set': ({ session }) => session.set({ user_id: 1 }),
      '/': async ({ session }) => {
        const before = session.getKey()
        await session.delete()
        const read = await session.get()
        await session.set({ a: 1 })
        return [before, read, session.getKey()]
      },
    })
    const ada = new Walker(origin)
    await ada.get('/set')
    const [before, read, after] = JSON.parse((await ada.get('/')).text)
    expect(read).toEqual({})
    expect(after).not.toBe(before)
    expect(after).toBe(`${prefix}:{${await ada.cookie('session-id')}}`)
    expect(await client.exists(before)).toBe(0)
    expect(await client.hget(after, 'a')).toBe('1')
  })

  test('a session that the same request created is gone too', async () => {
    const { origin, keys } = await site({
      '/': async ({ session }) => {
        await session.set({ user_id: 1 })
        await session.delete()
      },
    })
    const ada = new Walker(origin)
    await ada.get('/')
    expect(await keys()).toEqual([])
    expect(await ada.cookie('session-id')).toBeUndefined()
  })
})

describe('an id that the server did not issue', () => {
  const chosen = 'chosen-by-somebody-else'

  test.each(['set', 'createCSRFToken', 'get'] as const)(
    'or that has expired is not adopted by %s',
    async (verb) => {
      const { origin, keys } = await site(
        {
          '/': async ({ session }) => {
            if (verb === 'set') await session.set({ user_id: 1 })
            else if (verb === 'get') await session.get(['_csrf_secret'])
            else await session.createCSRFToken()
          },
        },
        { signed: false },
      )
      const response = await fetch(origin, { headers: { cookie: `session-id=${chosen}` } })
      const [cookie = ''] = response.headers.getSetCookie()
      expect(cookie).toMatch(/^session-id=[\w+/]{24};/)
      const stored = await keys()
      expect(stored.length).toBeGreaterThan(0)
      expect(stored.join()).not.toContain(chosen)
    },
  )

  test('gets no cookie from touch and unset', async () => {
    const { origin, keys } = await site(
      { '/': async ({ session }) => [await session.touch(), await session.unset(['a'])] },
      { signed: false },
    )
    const response = await fetch(origin, { headers: { cookie: `session-id=${chosen}` } })
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await keys()).toEqual([])
  })
})

describe('the cookie', () => {
  test.each(['set', 'unset', 'touch'] as const)(
    'ends with the key where %s gives a lifetime of its own',
    async (verb) => {
      const { origin, client, prefix } = await site(
        {
          '/set': ({ session }) => session.set({ a: 1 }),
          '/': ({ session }) => {
            if (verb === 'set') return session.set({ a: 2 }, '5m')
            return verb === 'unset' ? session.unset(['b'], 300_000) : session.touch('5 minutes')
          },
        },
        { maxAge: '2 days' },
      )
      const ada = new Walker(origin)
      await ada.get('/set')
      const page = await ada.get('/')
      const [, expires = ''] = /expires=([^;]+)/.exec(page.headers.getSetCookie()[0] ?? '') ?? []
      const left = await client.pttl(`${prefix}:{${await ada.cookie('session-id')}}`)
      expect(left).toBeGreaterThan(280_000)
      expect(left).toBeLessThanOrEqual(300_000)
      // The text of a cookie has whole seconds.
      expect(Math.abs(Date.parse(expires) - Date.now() - left)).toBeLessThan(3000)
    },
  )
})

test('the options object of the application is left as it is', () => {
  const options = Object.freeze({ client: connected(), prefix: freshPrefix() })
  const { options: own } = sessionSets({}, options)
  expect(own).toMatchObject({ key: 'session-id', httpOnly: true, signed: true, overwrite: true })
})

describe('where Redis is away', () => {
  test('every call is an error with status 503, which carries neither id nor data', async () => {
    const { single, stop } = await startRedis({ single: true })
    const client = connected().duplicate({ port: single.port, maxRetriesPerRequest: 0 })
    client.on('error', () => undefined)
    onTestFinished(() => client.disconnect())
    const { origin, pages } = await site(
      { '/set': ({ session }) => session.set({ user_id: 'secret' }) },
      { client },
    )
    const ada = new Walker(origin)
    await ada.get('/set')
    await stop()
    const errors: unknown[] = []
    const verbs = ['get', 'set', 'unset', 'touch', 'delete', 'createCSRFToken'] as const
    for (const verb of verbs) {
      pages.set('/', async ({ session }) => {
        const call = {
          get: () => session.get(),
          set: () => session.set({ user_id: 'secret' }),
          unset: () => session.unset(['user_id']),
          touch: () => session.touch(),
          delete: () => session.delete(),
          createCSRFToken: () => session.createCSRFToken(),
        }[verb]
        await call().catch((error: unknown) => {
          errors.push(error)
          throw error
        })
      })
      const page = await ada.get('/')
      expect([verb, page.status]).toEqual([verb, 503])
      expect(page.headers.getSetCookie()).toEqual([])
    }
    const id = (await ada.cookie('session-id')) ?? ''
    const told = JSON.stringify(errors, (_, value: unknown) =>
      value instanceof Error
        ? { ...value, message: value.message, stack: value.stack, cause: value.cause }
        : value,
    )
    expect(told).toContain('ERR_STORE')
    expect(told).not.toContain(id)
    expect(told).not.toContain('secret')
  })

  test('a call does not wait for ever, even where the client would', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = new Store({
      client: { call: () => new Promise(() => undefined) },
      prefix: freshPrefix(),
    })
    const failed = store.touch('a').catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await failed).toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
  })

  test('a client of node-redis that is not connected is named as the cause', async () => {
    const store = new Store({ client: createClient({ url: redisServers().single.url }) })
    await expect(store.get('a')).rejects.toThrow(/client\.connect\(\)/)
  })
})
