/** The store inside the real express-session, beside the originals. */
import session from 'express-session'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import { barrier } from '../../e2e/support/barrier.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { Walker } from '../../support/walker.ts'
import { handlers, serve } from './express-app.ts'
import type { Visit } from './express-app.ts'
import { clients, originals } from './originals.ts'
import type { StoreClass } from './originals.ts'

const { Store } = session as { Store: new () => object }
const ours = RedisStore as unknown as StoreClass
const madeFromSession = RedisStore(session as { Store: unknown }) as unknown as StoreClass

const forms: [string, StoreClass][] = [
  ['new RedisStore(options)', ours],
  ['connectRedis(session)', madeFromSession],
]

async function open(name: keyof typeof clients = 'ioredis 6'): Promise<object> {
  const { client, close } = await clients[name]()
  onTestFinished(close)
  return client
}

/** The server as it is. */
function eyes(): Redis {
  const redis = new Redis(redisServers().single.url)
  onTestFinished(() => redis.disconnect())
  return redis
}

describe.each(forms)('%s', (_, Class) => {
  test('is a Store of express-session', async () => {
    expect(new Class({ client: await open() })).toBeInstanceOf(Store)
  })

  test('keeps sessions through every verb', async () => {
    const prefix = freshPrefix()
    const redis = eyes()
    const site = await serve(new Class({ client: await open(), prefix }), handlers)
    const ada = new Walker(site)
    expect((await ada.get('/who')).text).toBe('undefined')
    expect(await ada.cookie('connect.sid')).toBeUndefined()
    await ada.get('/login')
    expect((await ada.get('/count')).text).toBe('ada 1')
    expect((await ada.get('/count')).text).toBe('ada 2')
    expect((await ada.get('/reload')).text).toBe('ada')
    const before = await ada.cookie('connect.sid')
    await ada.get('/regenerate')
    expect(await ada.cookie('connect.sid')).not.toBe(before)
    expect((await ada.get('/count')).text).toBe('ada 1')
    await ada.get('/save')
    expect((await ada.get('/who')).text).toBe('grace')
    expect(await redis.keys(`${prefix}*`)).toHaveLength(1)
    await ada.get('/logout')
    expect((await ada.get('/who')).text).toBe('undefined')
    expect(await redis.keys(`${prefix}*`)).toEqual([])
  })

  test('a request that only reads moves the end of the session', async () => {
    const prefix = freshPrefix()
    const redis = eyes()
    const cookie = { maxAge: 100_000 }
    const site = await serve(new Class({ client: await open(), prefix }), handlers, { cookie })
    const ada = new Walker(site)
    await ada.get('/login')
    const [key = ''] = await redis.keys(`${prefix}*`)
    await redis.expire(key, 10)
    await ada.get('/who')
    expect(await redis.ttl(key)).toBe(100)
  })

  test('load() gives a Session that can be saved and is not brought back', async () => {
    const prefix = freshPrefix()
    const store = new Class({ client: await open(), prefix }) as unknown as RedisStore
    await store.set('a', { cookie: { originalMaxAge: null }, user: 'ada' })
    const load = (sid: string): Promise<Visit['session'] | undefined> =>
      new Promise((resolve, reject) => {
        store.load(sid, (error, found) => {
          if (error) reject(error)
          else resolve(found as Visit['session'] | undefined)
        })
      })
    const loaded = (await load('a'))!
    loaded.user = 'grace'
    await new Promise<unknown>((resolve) => loaded.save(resolve))
    expect((await store.get('a'))?.['user']).toBe('grace')
    await store.destroy('a')
    await new Promise<unknown>((resolve) => loaded.save(resolve))
    expect(await load('a')).toBeUndefined()
  })
})

test.each([3, 4, 5, 6, 7, 8, 9, 10] as const)(
  'a visitor whose requests go now to connect-redis %s and now to ours notices nothing',
  async (major) => {
    const prefix = freshPrefix()
    const client = await open(major <= 6 ? 'redis 3' : major <= 8 ? 'redis 4' : 'redis 6')
    const theirSite = await serve(new originals[major]({ client, prefix }), handlers)
    const ourSite = await serve(new ours({ client, prefix }), handlers)
    // One browser; a cookie knows no port.
    let site = theirSite
    const ada = new Walker('http://127.0.0.1', (request) =>
      fetch(request.url.replace('http://127.0.0.1', site), { headers: request.headers }),
    )
    await ada.get('/login')
    for (let n = 1; n <= 10; n++) {
      site = n % 2 === 0 ? theirSite : ourSite
      expect((await ada.get('/count')).text).toBe(`ada ${n}`)
      expect((await ada.get('/who')).text).toBe('ada')
    }
    await ada.get('/logout')
    site = ourSite
    expect((await ada.get('/who')).text).toBe('undefined')
  },
)

describe('a request that finishes after logout', () => {
  type Change = (visit: Visit) => Promise<unknown> | void
  const called = (verb: (callback: (error?: unknown) => void) => void): Promise<unknown> =>
    new Promise((resolve) => verb(resolve))

  /** Whether the session is there after a slow request has changed it. */
  async function survives(
    Class: StoreClass,
    first: Change,
    then: Change,
    { isNew = false, resave = false } = {},
  ): Promise<boolean> {
    const prefix = freshPrefix()
    const redis = eyes()
    const [arrived, leave] = [barrier<string>(), barrier()]
    const store = new Class({ client: await open(), prefix })
    const slow = async (visit: Visit, done: (error: unknown) => void): Promise<void> => {
      await first(visit)
      arrived.open(visit.sessionID)
      await leave.passed
      await then(visit)
      done(null)
    }
    const site = await serve(store, { ...handlers, slow }, { resave })
    const ada = new Walker(site)
    if (!isNew) await ada.get('/login')
    const late = ada.get('/slow')
    const sid = await arrived.passed
    // As `req.session.destroy()` of another process does.
    await redis.del(prefix + sid)
    leave.open()
    expect((await late).status).toBe(200)
    return (await redis.exists(prefix + sid)) === 1
  }

  const nothing: Change = () => undefined
  const changes: [string, Change, Change, { isNew?: boolean; resave?: boolean }?][] = [
    ['a change at its end', nothing, ({ session: mine }) => void (mine.late = 'x')],
    [
      'save()',
      nothing,
      ({ session: mine }) => {
        mine.late = 'x'
        return called((done) => mine.save(done))
      },
    ],
    [
      'a change after reload()',
      ({ session: mine }) => called((done) => mine.reload(done)),
      ({ session: mine }) => void (mine.late = 'x'),
    ],
    [
      'a change after an earlier save()',
      ({ session: mine }) => {
        mine.late = 'x'
        return called((done) => mine.save(done))
      },
      ({ session: mine }) => void (mine.late = 'y'),
    ],
    [
      'a change of a session that is new in it, after save()',
      ({ session: mine }) => {
        mine.late = 'x'
        return called((done) => mine.save(done))
      },
      ({ session: mine }) => void (mine.late = 'y'),
      { isNew: true },
    ],
    ['nothing but resave', nothing, nothing, { resave: true }],
  ]

  test.each(changes)('%s brings nothing back', async (_, first, then, options) => {
    expect(await survives(ours, first, then, options)).toBe(false)
    expect(await survives(madeFromSession, first, then, options)).toBe(false)
    for (const major of [3, 8] as const)
      expect(await survives(originals[major], first, then, options)).toBe(true)
  })

  test('a session that regenerate() made in it is stored', async () => {
    const prefix = freshPrefix()
    const redis = eyes()
    const site = await serve(new ours({ client: await open(), prefix }), {
      ...handlers,
      renew: (visit, done) => {
        visit.session.destroy((error) => {
          ;(
            visit as unknown as { sessionStore: { generate(of: Visit): void } }
          ).sessionStore.generate(visit)
          visit.session.user = 'grace'
          done(error)
        })
      },
    })
    const ada = new Walker(site)
    await ada.get('/login')
    await ada.get('/renew')
    expect((await ada.get('/who')).text).toBe('grace')
    expect(await redis.keys(`${prefix}*`)).toHaveLength(1)
  })
})

test('save() in the midst of a request keeps a session that was only touched for longer than its maxAge', async () => {
  const outcome = async (Class: StoreClass): Promise<unknown> => {
    const prefix = freshPrefix()
    const redis = eyes()
    const cookie = { maxAge: 60_000 }
    const site = await serve(new Class({ client: await open('redis 6'), prefix }), handlers, {
      cookie,
    })
    const ada = new Walker(site)
    await ada.get('/login')
    // What time does to the record: its date passes, while touches keep the key.
    const [key = ''] = await redis.keys(`${prefix}*`)
    const record = JSON.parse((await redis.get(key))!) as { cookie: { expires: string } }
    record.cookie.expires = new Date(Date.now() - 1000).toISOString()
    await redis.set(key, JSON.stringify(record), 'EX', 60)
    await ada.get('/save')
    return (await ada.get('/who')).text
  }
  expect(await outcome(originals[10])).toBe('undefined')
  expect(await outcome(ours)).toBe('grace')
})
