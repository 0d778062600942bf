/** Every method does what connect-redis says, over every client, as a promise and through a callback. */
import type { EventEmitter } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import type { RedisStoreOptions } from '../../../src/compat/connect-redis.ts'
import { portOf } from '../../../src/compat/connect-redis/client.ts'
import type { Port } from '../../../src/compat/connect-redis/client.ts'
import { foreignPrefix, freshPrefix } from '../../support/redis.ts'
import { rows } from './clients.ts'

describe.each(rows)('$title', ({ connect }) => {
  let client: object
  let redis: Port
  let close: () => Promise<void>
  beforeAll(async () => {
    ;({ client, close } = await connect())
    // Each test has stores of its own over it.
    if ('setMaxListeners' in client) (client as EventEmitter).setMaxListeners(100)
    redis = portOf(client)
  })
  afterAll(() => close())

  const storeWith = (options: RedisStoreOptions = {}): RedisStore => {
    // The other tests' keys lie there too, and SCAN walks over all of them.
    const store = new RedisStore({ client, prefix: freshPrefix(), scanCount: 1000, ...options })
    onTestFinished(() => store.clear().then(() => undefined))
    return store
  }
  const ttlOf = async (store: RedisStore, sid: string): Promise<unknown> =>
    redis.send(['TTL', store.prefix + sid])
  const browserSession = { cookie: { originalMaxAge: null } }

  test('set, get, touch and destroy answer with promises', async () => {
    const store = storeWith()
    expect(await store.get('a')).toBeNull()
    expect(await store.set('a', { ...browserSession, name: 'Ada' })).toBeNull()
    expect(await store.get('a')).toEqual({ ...browserSession, name: 'Ada' })
    expect(await ttlOf(store, 'a')).toBe(86_400)
    const expires = new Date(Date.now() + 60_000)
    expect(await store.touch('a', { cookie: { expires } })).toBeNull()
    expect(await ttlOf(store, 'a')).toBe(60)
    expect(await store.get('a')).toEqual({ ...browserSession, name: 'Ada' })
    expect(await store.destroy('a')).toBeNull()
    expect(await store.get('a')).toBeNull()
  })

  test('every method answers through a callback', async () => {
    const store = storeWith()
    type Ask = (callback: (error: unknown, value?: unknown) => void) => unknown
    const told = (ask: Ask): Promise<unknown[]> =>
      new Promise((resolve) => ask((...args) => resolve(args)))
    expect(await told((done) => store.set('a', { ...browserSession, n: 1 }, done))).toEqual([
      null,
      null,
    ])
    expect(await told((done) => store.get('a', done))).toEqual([null, { ...browserSession, n: 1 }])
    expect(await told((done) => store.get('b', done))).toEqual([null, null])
    expect(await told((done) => store.touch('a', browserSession, done))).toEqual([null, null])
    expect(await told((done) => store.length(done))).toEqual([null, 1])
    expect(await told((done) => store.ids(done))).toEqual([null, ['a']])
    expect(await told((done) => store.all(done))).toEqual([
      null,
      [{ ...browserSession, n: 1, id: 'a' }],
    ])
    expect(await told((done) => store.destroy('a', done))).toEqual([null, null])
    expect(await told((done) => store.clear(done))).toEqual([null, null])
  })

  test('length, ids, all and clear see all sessions of the prefix on every master, and no others', async () => {
    const store = storeWith({ scanCount: 100 })
    const neighbour = storeWith()
    const wanted = Array.from({ length: 250 }, (_, n) => `sid-${n}`)
    await Promise.all(wanted.map((sid, n) => store.set(sid, { ...browserSession, n })))
    await neighbour.set('other', browserSession)
    expect(await store.length()).toBe(250)
    expect((await store.ids()).toSorted()).toEqual(wanted.toSorted())
    const all = await store.all()
    expect(all.map(({ id, n }) => `${String(id)} ${String(n)}`).toSorted()).toEqual(
      wanted.map((sid, n) => `${sid} ${n}`).toSorted(),
    )
    expect(await store.clear()).toBeNull()
    expect(await store.length()).toBe(0)
    expect(await store.clear()).toBeNull()
    expect(await neighbour.ids()).toEqual(['other'])
  })

  test('destroy takes several ids', async () => {
    const store = storeWith()
    for (const sid of ['a', 'b', 'c']) await store.set(sid, browserSession)
    await store.destroy(['a', 'c'])
    expect(await store.ids()).toEqual(['b'])
  })

  test('a loaded session that has ended is not saved again', async () => {
    const store = storeWith()
    await store.set('a', { ...browserSession })
    const loaded = (await store.get('a'))!
    await store.destroy('a')
    let dropped = 0
    store.on('dropped', () => void dropped++)
    expect(await store.set('a', loaded)).toBeNull()
    expect(await store.get('a')).toBeNull()
    expect(dropped).toBe(1)
  })

  test('a loaded session is created under another id, and in another store', async () => {
    const [store, other] = [storeWith(), storeWith()]
    await store.set('a', { ...browserSession, n: 1 })
    const loaded = (await store.get('a'))!
    await store.set('b', loaded)
    await other.set('b', loaded)
    expect((await store.ids()).toSorted()).toEqual(['a', 'b'])
    expect(await other.get('b')).toEqual({ ...browserSession, n: 1 })
    const [listed] = await other.all()
    await other.destroy('b')
    await other.set('b', listed!)
    expect(await other.get('b')).toBeNull()
  })

  test('a list is whole, though nothing was asked of the client before', async () => {
    const store = storeWith()
    const sids = Array.from({ length: 20 }, (_, n) => `s${n}`)
    await Promise.all(sids.map((sid) => store.set(sid, browserSession)))
    const fresh = await connect()
    onTestFinished(() => fresh.close())
    const { prefix } = store
    expect(await new RedisStore({ client: fresh.client, prefix }).length()).toBe(20)
  })

  test('disableTTL writes keys without an end, disableTouch leaves their end alone', async () => {
    const endless = storeWith({ disableTTL: true, prefix: foreignPrefix() })
    await endless.set('a', { cookie: { expires: new Date(Date.now() - 1000) } })
    expect(await ttlOf(endless, 'a')).toBe(-1)
    await endless.touch('a', { cookie: { expires: new Date(Date.now() + 1000) } })
    expect(await ttlOf(endless, 'a')).toBe(-1)
    const untouched = storeWith({ disableTouch: true })
    await untouched.set('a', browserSession)
    await untouched.touch('a', { cookie: { expires: new Date(Date.now() + 60_000) } })
    expect(await ttlOf(untouched, 'a')).toBe(86_400)
  })
})

test('a key that SCAN gives twice is one session', async () => {
  const replies: Record<string, unknown> = {
    SCAN: ['0', ['sess:a', 'sess:b', 'sess:a']],
    MGET: ['{}', '{}', '{}'],
  }
  const client = { call: async (command: string) => replies[command.toUpperCase()], on() {} }
  const store = new RedisStore({ client })
  expect(await store.length()).toBe(2)
  expect(await store.ids()).toEqual(['a', 'b'])
  expect(await store.all()).toEqual([{ id: 'a' }, { id: 'b' }])
})
