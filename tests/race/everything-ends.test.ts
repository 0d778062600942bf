import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { LifetimeOptions, Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { fakeClock } from '../support/clock.ts'
import type { FakeClock } from '../support/clock.ts'
import { foreignPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  user: string
  count: number
}

interface Setup {
  readonly sessions: Sessions<Data>
  readonly clock: FakeClock
  /** Takes the expiry away from every key, as an operator's mistake would. */
  persist(): Promise<void>
}

/** The TTL sampler leaves keys with a foreign prefix alone: these tests take TTLs away on purpose. */
function onRedis(options: SessionsOptions<Data> = {}): Setup {
  const clock = fakeClock()
  const client = new Redis(redisServers().single.url)
  onTestFinished(() => client.disconnect())
  const prefix = foreignPrefix()
  const store = redisStore({ client, prefix })
  return {
    sessions: createSessions<Data>({ storeTimeout: '60s', ...options, clock, store }),
    clock,
    persist: async () => {
      const keys = await client.keys(`${prefix}*`)
      await Promise.all(keys.map((key) => client.persist(key)))
    },
  }
}

function inMemory(options: SessionsOptions<Data> = {}): Setup {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const persist = async (): Promise<void> => undefined
  return { sessions: createSessions<Data>({ ...options, clock, store }), clock, persist }
}

const minutes = (count: number): number => count * 60_000
const hours = (count: number): number => count * 3_600_000

describe.each([
  ['Redis', onRedis],
  ['memory', inMemory],
])('everything ends (%s)', (_, setUp) => {
  test('an unused session ends at its idle timeout, also if its key has lost its expiry', async () => {
    const { sessions, clock, persist } = setUp({ idleTimeout: '30m' })
    const limits: string[] = []
    sessions.events.on('expired', ({ limit }) => limits.push(limit))
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    await persist()
    clock.advance(minutes(30) - 1)
    const late = await visitor.request()
    expect(late.session.user).toBe('ann')
    clock.advance(1)
    expect(await visitor.visit(({ user }) => user)).toBeUndefined()
    // Memory has removed the document itself by then; Redis had lost the expiry of its key.
    expect(limits).toEqual(_ === 'Redis' ? ['idle'] : [])
  })

  test('a session in constant use ends at its absolute timeout', async () => {
    const { sessions, clock, persist } = setUp({ idleTimeout: '1h', absoluteTimeout: '8h' })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 0))
    for (let at = 0; at < 15; at++) {
      clock.advance(hours(0.5))
      await visitor.visit((session) => session.increment('count'))
      await visitor.visit((session) => session.touch())
      await visitor.visit((session) => void (session.user = `ann ${at}`))
      await visitor.visit((session) => session.regenerate({ keepData: true }))
      await persist()
    }
    expect(await visitor.visit(({ count }) => count)).toBe(15)
    clock.advance(hours(0.5))
    expect(await visitor.visit(({ count }) => count)).toBeUndefined()
  })

  test('a save that comes after the end finds the session gone', async () => {
    const { sessions, clock, persist } = setUp({ idleTimeout: '30m' })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    await persist()
    const slow = await visitor.request()
    clock.advance(minutes(30))
    slow.session.count = 1
    await expect(slow.session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  test('a reader is kept alive by throttled touches, which change no data', async () => {
    const { sessions, clock } = setUp({ idleTimeout: '30m' })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    for (let at = 0; at < 40; at++) {
      clock.advance(minutes(4))
      expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann' })
    }
  })

  test('discard() keeps a polling request from prolonging the session', async () => {
    const { sessions, clock } = setUp({ idleTimeout: '30m' })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    for (let at = 0; at < 7; at++) {
      clock.advance(minutes(4))
      await visitor.visit((session) => {
        session.count = at
        session.discard()
      })
    }
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ user: 'ann' })
    clock.advance(minutes(30))
    expect(await visitor.visit(({ user }) => user)).toBeUndefined()
  })

  test('"remember me" gives one session longer limits and a cookie that outlives the browser', async () => {
    const { sessions, clock } = setUp({ idleTimeout: '30m', absoluteTimeout: '8h' })
    const visitor = new Visitor(sessions)
    const step = await visitor.request()
    step.session.user = 'ann'
    step.session.setLifetime({ idleTimeout: '30d', absoluteTimeout: '90d', persistent: true })
    await step.settle()
    const lines = step.leave()
    step.arrive(lines)
    expect(lines.find(([name]) => name === 'Set-Cookie')?.[1]).toContain(`Max-Age=${90 * 86_400};`)
    clock.advance(hours(24 * 29))
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    clock.advance(hours(24 * 29))
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
    clock.advance(hours(24 * 32))
    expect(await visitor.visit(({ user }) => user)).toBeUndefined()
  })

  test('limits given at signIn are those of the session of the user, and of no other', async () => {
    const { sessions, clock, persist } = setUp({ idleTimeout: '30m', absoluteTimeout: '8h' })
    const signIn = async (limits?: LifetimeOptions): Promise<Visitor<Data>> => {
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => session.signIn('ann', limits))
      return visitor
    }
    const isIn = (visitor: Visitor<Data>): Promise<boolean> =>
      visitor.visit(({ meta }) => meta.userId === 'ann')
    const limits = { idleTimeout: '5m', absoluteTimeout: '20m' } as const
    const [usual, unused, used] = [await signIn(), await signIn(limits), await signIn(limits)]
    await persist()
    clock.advance(minutes(5) - 1)
    expect(await isIn(used)).toBe(true)
    clock.advance(1)
    expect([await isIn(unused), await isIn(usual)]).toEqual([false, true])
    for (let at = 0; at < 3; at++) {
      clock.advance(minutes(4))
      expect(await isIn(used)).toBe(true)
    }
    await persist()
    clock.advance(minutes(3) - 1)
    expect(await isIn(used)).toBe(true)
    clock.advance(1)
    expect([await isIn(used), await isIn(usual)]).toEqual([false, true])
    expect(await sessions.user('ann').count()).toBe(1)
  })

  test('an existing session can be given other limits; its id stays and its cookie is sent anew', async () => {
    const { sessions, clock } = setUp({ idleTimeout: '30m', absoluteTimeout: '8h' })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    const before = visitor.cookie
    const step = await visitor.request()
    step.session.setLifetime({ idleTimeout: '7d', absoluteTimeout: '7d', persistent: true })
    await step.settle()
    const lines = step.leave()
    step.arrive(lines)
    expect(lines.find(([name]) => name === 'Set-Cookie')?.[1]).toContain('Max-Age=604800;')
    expect(visitor.cookie).toBe(before)
    clock.advance(hours(24))
    expect(await visitor.visit(({ user }) => user)).toBe('ann')
  })

  test('a rolling cookie is renewed with a touch, not with every request', async () => {
    const { sessions, clock } = setUp({
      idleTimeout: '7d',
      absoluteTimeout: '30d',
      rolling: true,
      cookie: { persistent: true },
    })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.user = 'ann'))
    const renewals: string[] = []
    for (let hour = 0; hour < 72; hour++) {
      clock.advance(hours(1))
      const step = await visitor.request()
      expect(step.session.user).toBe('ann')
      await step.settle()
      const lines = step.leave()
      renewals.push(...lines.filter(([name]) => name === 'Set-Cookie').map(([, line]) => line))
    }
    // A tenth of 7 days is 16.8 hours.
    expect(renewals).toHaveLength(4)
    for (const line of renewals) expect(line).toContain(`Max-Age=${7 * 86_400};`)
  })
})
