/** When a session is over, and when its keys go. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { foreignPrefix, freshPrefix } from '../../support/redis.ts'
import { lifetimesOf, originals, redis, startOurs } from './engines.ts'

const app = 'forum'
const whole = { app, id: 'ada', ip: '192.0.2.7' }
const DAY = 86_400

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
})
const sleep = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000)

test('each use begins the ttl anew; after it there is no session', async () => {
  const rs = startOurs(`${freshPrefix()}e`)
  const { token } = await rs.create({ ...whole, ttl: 20 })
  sleep(15)
  expect(await rs.get({ app, token })).toMatchObject({ idle: 15, ttl: 20 })
  sleep(20)
  expect(await rs.set({ app, token, d: { a: 1 } })).toMatchObject({ idle: 20 })
  sleep(21)
  expect(await rs.get({ app, token })).toBeNull()
  expect(await rs.set({ app, token, d: { a: 1 } })).toBeNull()
  expect(await rs.kill({ app, token })).toEqual({ kill: 0 })
})

test('with no_resave the end is fixed, however it is used, by us and the originals in turn', async () => {
  for (const original of originals) {
    const namespace = `${foreignPrefix()}e`
    const [ours, theirs] = [startOurs(namespace), original.start(namespace)]
    const { token } = await ours.create({ ...whole, ttl: 60, no_resave: true })
    for (let left = 50; left > 0; left -= 10) {
      sleep(10)
      expect(await ours.get({ app, token })).toMatchObject({ ttl: left, no_resave: true })
      expect(await theirs.get({ app, token })).toMatchObject({ ttl: left })
      expect(await ours.set({ app, token, d: { left } })).toMatchObject({ ttl: left })
    }
    sleep(11)
    expect(await ours.get({ app, token })).toBeNull()
    expect(await theirs.get({ app, token })).toBeNull()
  }
})

test('records live as long as the session, and a day, indexes at least 30 days: the originals use both without moving their expiry', async () => {
  const namespace = `${freshPrefix()}e`
  const rs = startOurs(namespace)
  const { token } = await rs.create({ ...whole, ttl: 1000 })
  const record = `${namespace}:${app}:${token}`
  for (const [key, ttl] of Object.entries(await lifetimesOf(namespace)))
    expect(Math.abs(ttl - (key === record ? DAY + 1001 : 30 * DAY))).toBeLessThan(10)
  // A longer session keeps the indexes, not the record of the other one.
  const long = await rs.create({ ...whole, ttl: 40 * DAY })
  const after = await lifetimesOf(namespace)
  const expected = (key: string): number => (key === record ? 1001 : 40 * DAY + 1)
  for (const [key, ttl] of Object.entries(after))
    expect(Math.abs(ttl - DAY - expected(key))).toBeLessThan(10)
  await rs.kill({ app, token: long.token })
  // Use moves the expiry: as if half of it had passed.
  const client = redis()
  await client.expire(record, 500)
  sleep(2)
  await rs.get({ app, token })
  expect(await client.ttl(record)).toBeGreaterThan(DAY)
})

test('what an original wrote gets an expiry with its first use, its indexes one that is long enough', async () => {
  for (const original of originals) {
    const namespace = `${foreignPrefix()}e`
    const [ours, theirs] = [startOurs(namespace), original.start(namespace)]
    const { token } = await theirs.create({ ...whole, ttl: 3_000_000 })
    const short = await theirs.create({ ...whole, ttl: 10 })
    expect([...new Set(Object.values(await lifetimesOf(namespace)))]).toEqual([-1])
    sleep(5)
    await ours.get({ app, token: short.token })
    const ends = await lifetimesOf(namespace)
    expect(ends[`${namespace}:${app}:${short.token}`]).toBeLessThan(DAY + 20)
    // The other session is not known here; no index may lose it before it is used.
    for (const key of [':SESSIONS', ':forum:_sessions', ':forum:_users', ':forum:us:ada'])
      expect(ends[namespace + key]).toBeGreaterThan(29 * DAY)
    await ours.get({ app, token })
    for (const ttl of Object.values(await lifetimesOf(namespace))) expect(ttl).not.toBe(-1)
  }
})

test('a long session of an original stays in an index that a short one of ours has begun', async () => {
  for (const original of originals) {
    const namespace = `${foreignPrefix()}e`
    const [ours, theirs] = [startOurs(namespace), original.start(namespace)]
    await ours.create({ ...whole, ttl: 10 })
    await theirs.create({ ...whole, ttl: 30 * DAY })
    for (const key of [':SESSIONS', ':forum:_sessions', ':forum:_users', ':forum:us:ada'])
      expect((await lifetimesOf(namespace))[namespace + key]).toBeGreaterThan(29 * DAY)
  }
})

test('an absurd ttl does not leave a key without an expiry, and the session can be used', async () => {
  const namespace = `${freshPrefix()}e`
  const rs = startOurs(namespace)
  const { token } = await rs.create({ ...whole, ttl: 9_000_000_000_000_000 })
  expect(await rs.get({ app, token })).toMatchObject({ ttl: 9_000_000_000_000_000 })
  expect(await rs.set({ app, token, d: { a: 1 } })).toMatchObject({ d: { a: 1 } })
  for (const ttl of Object.values(await lifetimesOf(namespace))) expect(ttl).toBeGreaterThan(DAY)
})

test('tokens are 64 letters and digits by chance, with their time, and no two are alike', async () => {
  const rs = startOurs(`${freshPrefix()}e`)
  const made = await Promise.all(Array.from({ length: 500 }, () => rs.create(whole)))
  const tokens = made.map(({ token }) => token)
  for (const token of tokens) {
    expect(token).toMatch(/^[a-zA-Y0-9]{55}Z[0-9a-z]{8}$/)
    expect(Number.parseInt(token.slice(56), 36)).toBe(Date.now())
  }
  expect(new Set(tokens).size).toBe(500)
})

test('tokens do not come from Math.random, which the original takes', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  try {
    const [original] = originals
    const theirs = await original!.start(`${foreignPrefix()}e`).create({ ...whole })
    expect(theirs.token).toMatch(/^A{55}Z/)
    const ours = await startOurs(`${freshPrefix()}e`).create(whole)
    expect(ours.token).not.toMatch(/^A{5}/)
  } finally {
    random.mockRestore()
  }
})
