import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Session, Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { clientRows } from '../support/clients.ts'
import { fakeClock } from '../support/clock.ts'
import { engines } from '../support/engines.ts'
import { monitor } from '../support/monitor.ts'
import { freshPrefix } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'
import type { Step } from '../support/visitor.ts'
import { stagedStore } from '../e2e/support/store.ts'

interface Data {
  name: string
  cart: { sku: string; qty: number }[]
  count: number
}

/** No time is to decide these tests: as long as changes are told, an entry stays. */
const LONG_BOUND = { nearCache: { maxStaleness: '60s' } } as const

/** A server of its own: nobody else's commands are counted. */
let server: { single: { port: number }; stop(): Promise<void> }
beforeAll(async () => {
  server = await startRedis({ single: true })
})
afterAll(() => server.stop())

function start(options: SessionsOptions<Data> = {}, prefix = freshPrefix()): Sessions<Data> {
  const client = new Redis({ port: server.single.port })
  const store = redisStore({ client, prefix })
  const sessions = createSessions<Data>({
    storeTimeout: '60s',
    ...LONG_BOUND,
    ...options,
    store,
  })
  onTestFinished(async () => {
    await sessions.close()
    client.disconnect()
  })
  return sessions
}

/** Until the changes so far have been told, and the next reading stays. */
async function settled(sessions: Sessions<Data>): Promise<void> {
  await expect.poll(() => sessions.nearCache?.healthy).toBe(true)
}

/** A visitor whose session lies in the cache. */
async function remembered(sessions: Sessions<Data>): Promise<Visitor<Data>> {
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => {
    session.name = 'Ann'
    session.cart = [{ sku: 'A-100', qty: 1 }]
    session.count = 1
  })
  await hit(visitor, sessions)
  return visitor
}

/** Visits until the cache has served one: word of the write before may still have been on its way. */
async function hit(visitor: Visitor<Data>, sessions: Sessions<Data>): Promise<void> {
  await expect
    .poll(async () => {
      const before = sessions.nearCache?.hits ?? 0
      await visitor.visit(() => undefined)
      return (sessions.nearCache?.hits ?? 0) > before
    })
    .toBe(true)
}

/** A request that the test leaves open; it ends with the test, or closing would wait for it. */
async function opened(visitor: Visitor<Data>): Promise<Step<Data>> {
  const step = await visitor.request()
  onTestFinished(() => step.settle().catch(() => undefined))
  return step
}

const headOf = ({ cookie }: Visitor<Data>) => ({
  header: (name: string) => (name === 'cookie' ? cookie : undefined),
  path: '/',
  secure: false,
  source: {},
})

describe('a hit', () => {
  test('costs no command, and nothing to wait for', async () => {
    const sessions = start()
    const visitor = await remembered(sessions)
    const seen = await monitor(server.single.port)
    for (let times = 0; times < 100; times++) {
      const visit = sessions.begin(headOf(visitor))
      expect(visit?.open()).toBeUndefined()
      expect(visit?.session?.name).toBe('Ann')
      expect(visit?.settle()).toBeUndefined()
      expect(visit?.headerLines()).toEqual([])
    }
    // The proofs that changes are told go their own way, so many a second and not so many a request.
    expect((await seen.commands()).filter((command) => command !== 'PUBLISH')).toEqual([])
  })

  test('gives each request data of its own', async () => {
    const sessions = start()
    const visitor = await remembered(sessions)
    const [one, other] = [await opened(visitor), await opened(visitor)]
    const [item] = one.session.cart ?? []
    if (item) item.qty = 99
    one.session.name = 'Eve'
    expect(other.session.cart).toEqual([{ sku: 'A-100', qty: 1 }])
    const later = await opened(visitor)
    expect({ ...later.session }).toEqual({
      name: 'Ann',
      cart: [{ sku: 'A-100', qty: 1 }],
      count: 1,
    })
  })

  test('gives each request what it knows of the device of its own', async () => {
    const sessions = start({ describeDevice: () => ({ label: 'a lamp' }) })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => session.signIn('ann'))
    await hit(visitor, sessions)
    const { session } = await opened(visitor)
    Object.assign(session.meta.device ?? {}, { label: 'a toaster' })
    expect((await opened(visitor)).session.meta.device).toEqual({ label: 'a lamp' })
  })

  test('decodes with the codec of the application', async () => {
    const codec = {
      encode: (value: unknown) => JSON.stringify({ held: value }),
      decode: (text: string) => (JSON.parse(text) as { held: unknown }).held,
    }
    const sessions = start({ codec })
    const visitor = await remembered(sessions)
    const before = sessions.nearCache?.hits ?? 0
    expect(await visitor.visit(({ cart }) => cart)).toEqual([{ sku: 'A-100', qty: 1 }])
    expect(sessions.nearCache?.hits).toBe(before + 1)
  })

  test('is put before the hook `validate`', async () => {
    let isFit = true
    const sessions = start({ validate: () => isFit })
    const visitor = await remembered(sessions)
    isFit = false
    const before = sessions.nearCache?.hits ?? 0
    expect(await visitor.visit(({ name }) => name)).toBeUndefined()
    expect(sessions.nearCache?.hits).toBe(before + 1)
  })

  test('is never made of an id that is not the whole of it, or of two', async () => {
    const sessions = start()
    const visitor = await remembered(sessions)
    const other = await remembered(sessions)
    const reasons: string[] = []
    sessions.events.on('rejected', ({ reason }) => reasons.push(reason))
    const both = new Visitor(sessions, `${visitor.cookie}; ${other.cookie}`)
    expect(await both.visit(({ name }) => name)).toBeUndefined()
    expect(reasons).toEqual(['ambiguous'])
  })
})

describe('the limits of a session', () => {
  test('are judged at every hit', async () => {
    const clock = fakeClock()
    const sessions = start({ clock, idleTimeout: '10m', touchInterval: '5m' })
    const visitor = await remembered(sessions)
    clock.advance(10 * 60_000 - 1)
    const last = await opened(visitor)
    expect(last.session.name).toBe('Ann')
    clock.advance(1)
    expect(await visitor.visit(({ name }) => name)).toBeUndefined()
  })

  test('are moved by few touches and read with few commands: a reader who comes every second for an hour', async () => {
    const clock = fakeClock()
    const sessions = start({ clock })
    const visitor = await remembered(sessions)
    const seen = await monitor(server.single.port)
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000)
      await visitor.visit(({ count }) => count)
    }
    const commands = await seen.commands()
    const touches = commands.filter((command) => command.startsWith('EVAL')).length
    expect(touches).toBeGreaterThan(5)
    expect(touches).toBeLessThan(20)
    // Each touch is read back, now and then once more because word of it came later than that.
    const reads = commands.filter((command) => command.endsWith('GET')).length
    expect(reads).toBeLessThan(3600 / 50)
  })

  test('that are due for a touch are touched once by fifty requests in a row', async () => {
    const clock = fakeClock()
    const sessions = start({ clock })
    const visitor = await remembered(sessions)
    clock.advance(30 * 60_000)
    const seen = await monitor(server.single.port)
    for (let times = 0; times < 50; times++) await visitor.visit(({ count }) => count)
    const commands = await seen.commands()
    expect(commands.filter((command) => command === 'EVALSHA')).toHaveLength(1)
  })
})

describe('what this process has written', () => {
  const rows: [string, (visitor: Visitor<Data>, sessions: Sessions<Data>) => Promise<unknown>][] = [
    ['a field', (visitor) => visitor.visit((s) => void (s.count = 2))],
    ['an increment', (visitor) => visitor.visit((s) => s.increment('count'))],
    ['an update', (visitor) => visitor.visit((s) => s.update('count', () => 2))],
    [
      'a new id, with the data',
      (visitor) =>
        visitor.visit(async (s) => {
          await s.regenerate({ keepData: true })
          s.count = 2
        }),
    ],
  ]

  test.each(rows)('its next request sees at once: %s', async (_, write) => {
    const sessions = start()
    const visitor = await remembered(sessions)
    await write(visitor, sessions)
    expect(await visitor.visit(({ count }) => count)).toBe(2)
  })

  const endings: [
    string,
    (visitor: Visitor<Data>, sessions: Sessions<Data>) => Promise<unknown>,
  ][] = [
    ['destroyed', (visitor) => visitor.visit((s) => s.destroy())],
    ['regenerated', (visitor) => visitor.visit((s) => s.regenerate())],
    ['signed in', (visitor) => visitor.visit((s) => s.signIn('ann'))],
    [
      'revoked by its handle',
      async (visitor, sessions) =>
        sessions.revoke(await visitor.visit(({ meta }) => meta.handle ?? '')),
    ],
  ]

  test.each(endings)('ends at once for who still has the old cookie: %s', async (_, end) => {
    const sessions = start()
    const visitor = await remembered(sessions)
    const old = new Visitor(sessions, visitor.cookie)
    await end(visitor, sessions)
    expect(await old.visit(({ name }) => name)).toBeUndefined()
  })

  test('ends at once for a user whose sessions it revokes, one or all, or has too many', async () => {
    const sessions = start({ maxSessionsPerUser: 1 })
    const signedIn = async () => {
      const visitor = new Visitor(sessions)
      await visitor.visit((session) => session.signIn('ann'))
      await hit(visitor, sessions)
      return visitor
    }
    const isIn = (visitor: Visitor<Data>) => visitor.visit(({ meta }) => meta.userId === 'ann')
    const first = await signedIn()
    const second = await signedIn()
    expect(await isIn(new Visitor(sessions, first.cookie))).toBe(false)
    await sessions.user('ann').revoke(await second.visit(({ meta }) => meta.handle ?? ''))
    expect(await isIn(new Visitor(sessions, second.cookie))).toBe(false)
    const third = await signedIn()
    await sessions.user('ann').revokeAll()
    expect(await isIn(new Visitor(sessions, third.cookie))).toBe(false)
  })
})

describe('what must be true', () => {
  /** Two servers of which the second still sees for a minute what it has once read: a Cluster tells no changes. */
  async function stale(options: SessionsOptions<Data> = {}) {
    const [here, there] = engines<Data>(2, { ...LONG_BOUND, ...options }, 'cluster')
    if (!here || !there) throw new Error('two engines')
    onTestFinished(() => there.close())
    const visitor = new Visitor(here)
    await visitor.visit((session) => session.signIn('ann'))
    await visitor.visit((session) => void (session.count = 1))
    const elsewhere = new Visitor(there, visitor.cookie)
    await elsewhere.visit(() => undefined)
    return { here, there, visitor, elsewhere }
  }

  test('a session that was revoked elsewhere is not brought back by a write', async () => {
    const { here, elsewhere } = await stale()
    await here.user('ann').revokeAll()
    const request = await opened(elsewhere)
    expect(request.session.meta.userId).toBe('ann')
    request.session.count = 2
    await request.settle()
    expect(request.leave()).toEqual([])
    // The write has found out.
    expect(await elsewhere.visit(({ meta }) => meta.userId)).toBeUndefined()
    expect((await here.user('ann').list()).sessions).toEqual([])
  })

  test.each([
    ['signIn', (session) => session.signIn('bob')],
    ['save', (session) => ((session.count = 7), session.save())],
    ['increment', (session) => session.increment('count')],
    ['update', (session) => session.update('count', () => 5)],
    ['take', (session) => session.take('count')],
    ['reload', (session) => session.reload()],
    ['touch', (session) => session.touch()],
  ] as [string, (session: Session<Data>) => Promise<unknown>][])(
    '%s of a session that was revoked elsewhere is refused',
    async (_, verb) => {
      const { here, elsewhere } = await stale()
      await here.user('ann').revokeAll()
      const { session } = await opened(elsewhere)
      expect(session.meta.userId).toBe('ann')
      await expect(verb(session)).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
    },
  )

  test('a write of what has changed elsewhere is found to be in conflict', async () => {
    const { visitor, elsewhere } = await stale({ onConflict: 'error' })
    await visitor.visit((session) => void (session.count = 2))
    const { session } = await opened(elsewhere)
    expect(session.count).toBe(1)
    session.count = 3
    await expect(session.save()).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    expect(await elsewhere.visit(({ count }) => count)).toBe(2)
  })

  test('requireFresh asks for a reload first, hit or not', async () => {
    const { here, visitor, elsewhere } = await stale()
    for (const browser of [visitor, elsewhere]) {
      const { session } = await opened(browser)
      const refused = expect.objectContaining({ code: 'ERR_NOT_CONFIRMED' }) as Error
      expect(() => session.requireFresh('5m')).toThrow(refused)
      await session.reload()
      session.requireFresh('5m')
    }
    await here.user('ann').revokeAll()
    const { session } = await opened(elsewhere)
    await expect(session.reload()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  test('find and revoke ask the store', async () => {
    const { here, there, elsewhere } = await stale()
    const handle = await elsewhere.visit(({ meta }) => meta.handle ?? '')
    await here.user('ann').revokeAll()
    expect(await elsewhere.visit(({ meta }) => meta.userId)).toBe('ann')
    expect(await there.find(handle)).toBeUndefined()
    expect((await there.revoke(handle)).ended).toEqual([])
  })

  test('who listens sees a revocation of another process at once, on a Cluster too', async () => {
    const { here, there, elsewhere } = await stale()
    await there.listen()
    const heard = new Promise((resolve) => there.events.on('revoked', resolve))
    await here.user('ann').revokeAll()
    await heard
    expect(await elsewhere.visit(({ meta }) => meta.userId)).toBeUndefined()
  })
})

describe.each(clientRows.filter(({ title }) => /single|iored.*sentinel/.test(title)))(
  '$title',
  ({ connect }) => {
    test('what another process changes or ends is seen without waiting for the bound', async () => {
      const prefix = freshPrefix()
      const [here, there] = await Promise.all(
        [1, 2].map(async () => {
          const { client, close } = await connect()
          const store = redisStore({ client, prefix })
          const sessions = createSessions<Data>({ storeTimeout: '60s', ...LONG_BOUND, store })
          onTestFinished(async () => {
            await sessions.close()
            await close()
          })
          await settled(sessions)
          return sessions
        }),
      )
      if (!here || !there) throw new Error('two engines')
      const visitor = new Visitor(here)
      await visitor.visit((session) => session.signIn('ann'))
      const elsewhere = new Visitor(there, visitor.cookie)
      await hit(elsewhere, there)
      await visitor.visit((session) => void (session.count = 2))
      await expect.poll(() => elsewhere.visit(({ count }) => count)).toBe(2)
      await hit(elsewhere, there)
      await here.user('ann').revokeAll()
      await expect.poll(() => elsewhere.visit(({ meta }) => meta.userId)).toBeUndefined()
    })
  },
)

test.each(clientRows.filter(({ title }) => /cluster|^redis.*sentinel/.test(title)))(
  'where changes are not told each is kept from its reading: $title',
  async ({ connect }) => {
    const { client, close } = await connect()
    const store = redisStore({ client, prefix: freshPrefix() })
    const sessions = createSessions<Data>({ storeTimeout: '60s', ...LONG_BOUND, store })
    onTestFinished(async () => {
      await sessions.close()
      await close()
    })
    const visitor = new Visitor(sessions)
    await visitor.visit((session) => void (session.count = 1))
    for (let times = 0; times < 3; times++)
      expect(await visitor.visit(({ count }) => count)).toBe(1)
    expect(sessions.nearCache).toMatchObject({ hits: 2, misses: 1, entries: 1, healthy: false })
  },
)

test('after a write that failed the store is asked, and what was known is not lost', async () => {
  const store = stagedStore()
  const sessions = createSessions<Data>({ storeTimeout: '60s', ...LONG_BOUND, store })
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => void (session.count = 1))
  await visitor.visit(() => undefined)
  store.fail('update')
  await expect(visitor.visit((session) => void (session.count = 2))).rejects.toThrow(
    'The session store failed',
  )
  expect(sessions.nearCache).toMatchObject({ hits: 1, entries: 1 })
  await visitor.visit(() => undefined)
  expect(sessions.nearCache).toMatchObject({ hits: 1, bypasses: 1, entries: 1 })
})

test('a reading that a write of this process has overtaken is not served later', async () => {
  const store = stagedStore()
  const sessions = createSessions<Data>({ storeTimeout: '60s', ...LONG_BOUND, store })
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => void (session.count = 1))
  const slow = await opened(visitor)
  const hold = store.hold()
  slow.session.count = 2
  const writing = slow.settle()
  await hold.reached
  // Written, and not acknowledged: whoever reads now may find either.
  await visitor.visit(() => undefined)
  await visitor.visit(() => undefined)
  const before = sessions.nearCache?.misses
  hold.release()
  await writing
  expect(await visitor.visit(({ count }) => count)).toBe(2)
  expect(sessions.nearCache?.misses).toBe((before ?? 0) + 1)
})

test('sessions in memory: engines that share a store see each other at once', async () => {
  const store = memoryStore()
  const [here, there] = [1, 2].map(() => createSessions<Data>({ ...LONG_BOUND, store }))
  if (!here || !there) throw new Error('two engines')
  const visitor = new Visitor(here)
  await visitor.visit((session) => session.signIn('ann'))
  const elsewhere = new Visitor(there, visitor.cookie)
  await elsewhere.visit(() => undefined)
  await elsewhere.visit(() => undefined)
  expect(there.nearCache).toMatchObject({ hits: 1, misses: 1, entries: 1, healthy: true })
  await visitor.visit((session) => void (session.count = 2))
  expect(await elsewhere.visit(({ count }) => count)).toBe(2)
  await here.user('ann').revokeAll()
  expect(await elsewhere.visit(({ meta }) => meta.userId)).toBeUndefined()
  expect(there.nearCache?.invalidations).toBe(2)
})

test('the statistics say what happened, and there are none without the option', async () => {
  const sessions = start()
  await settled(sessions)
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => void (session.count = 1))
  await hit(visitor, sessions)
  const { hits = 0, misses = 0 } = sessions.nearCache ?? {}
  expect([hits > 0, misses > 0]).toEqual([true, true])
  await new Visitor(sessions, `sid=${'A'.repeat(46)}`).visit(() => undefined)
  expect(sessions.nearCache).toMatchObject({ hits, misses: misses + 1, bypasses: 0, entries: 1 })
  expect(createSessions().nearCache).toBeUndefined()
})
