/** What several do at once, and what is done too late, never brings a session back and never hides one. */
import { Cluster } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { clientRows } from '../../support/clients.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { contentOf, ours, redis, startOurs } from './engines.ts'

const app = 'forum'
const whole = { app, id: 'ada', ip: '192.0.2.7' }

test('a wipe that is to be rare beyond what timers can is rare', async () => {
  const set = vi.spyOn(globalThis, 'setInterval')
  onTestFinished(() => set.mockRestore())
  startOurs(`${freshPrefix()}r`, { wipe: 3_000_000 })
  const [, ms] = set.mock.calls.at(-1) ?? []
  expect(ms).toBe(2_147_483_647)
})

/** Blocks of a hundred: quick by default; LONG=1 runs the number that the guide names. */
const BLOCKS = process.env['LONG'] ? 100 : 20

test(`of ${BLOCKS * 100} saves after a logout none brings a session back`, async () => {
  const namespace = `${freshPrefix()}r`
  const rs = startOurs(namespace)
  let saved = 0
  const round = async (): Promise<void> => {
    const { token } = await rs.create(whole)
    // A request has read the session …
    expect(await rs.get({ app, token })).toMatchObject({ id: 'ada' })
    // … another one logs out …
    await rs.kill({ app, token })
    // … and the first one saves.
    if (await rs.set({ app, token, d: { late: 1 } })) saved++
  }
  for (let block = 0; block < BLOCKS; block++) await Promise.all(Array.from({ length: 100 }, round))
  expect(saved).toBe(0)
  expect(await contentOf(namespace)).toEqual({})
})

test('saves and reads at the moment of a logout leave nothing behind', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  onTestFinished(() => void vi.useRealTimers())
  const namespace = `${freshPrefix()}r`
  const [one, two] = [startOurs(namespace), startOurs(namespace)]
  const tokens = await Promise.all(
    Array.from(
      { length: 300 },
      async (_, nth) => (await one.create({ ...whole, id: `u${nth}` })).token,
    ),
  )
  // Idle, so that each use moves the entries of the indexes.
  vi.setSystemTime(Date.now() + 5000)
  await Promise.all(
    tokens.flatMap((token, nth) => [
      one.get({ app, token }),
      two.set({ app, token, d: { late: 1 } }),
      nth % 2 === 0 ? two.kill({ app, token }) : two.killsoid({ app, id: `u${nth}` }),
      one.get({ app, token }),
      one.set({ app, token, d: { later: 1 } }),
    ]),
  )
  expect(await contentOf(namespace)).toEqual({})
})

test('a session that is being created while others look stays in the indexes', async () => {
  const namespace = `${freshPrefix()}r`
  const engine = ours.start(namespace)
  const other = startOurs(namespace)
  // All entries are there, and the record is not: whoever finds no record must not tidy up.
  let round = 0
  const look = async (): Promise<void> => {
    expect((await other.soid({ app, id: 'ada' })).sessions).toHaveLength(0)
    expect((await other.soapp({ app, dt: 60 })).sessions).toHaveLength(0)
    expect(await other.killsoid({ app, id: 'ada' })).toEqual({ kill: 0 })
    round++
  }
  for (let nth = 0; nth < 4; nth++) engine.afterReply(look)
  const { token } = await engine.create({ ...whole })
  expect(round).toBeGreaterThan(0)
  expect((await other.soid({ app, id: 'ada' })).sessions).toHaveLength(1)
  expect((await other.soapp({ app, dt: 60 })).sessions).toHaveLength(1)
  expect(await other.activity({ app, dt: 60 })).toEqual({ activity: 1 })
  expect(await other.kill({ app, token })).toEqual({ kill: 1 })
})

test('a process that dies between two steps leaves a session that can be found, or none', async () => {
  const namespace = `${freshPrefix()}r`
  // A client that stops answering after the nth command, as one whose process is killed.
  for (let steps = 0; steps <= 8; steps++) {
    const witness = startOurs(namespace)
    const dying = ours.start(namespace)
    const client = (dying as unknown as { redis: Record<string, unknown> }).redis
    const native = client['call'] as (...args: unknown[]) => Promise<unknown>
    let left = steps
    client['call'] = (...args: unknown[]) =>
      left-- > 0 ? native.apply(client, args) : Promise.reject(new Error('dead'))
    const creating = await dying.create({ ...whole, id: `u${steps}` }).catch(() => undefined)
    const record = (await contentOf(namespace))[`${namespace}:${app}:${creating?.token}`]
    const { sessions } = await witness.soid({ app, id: `u${steps}` })
    expect(sessions).toHaveLength(record ? 1 : 0)
    client['call'] = native
  }
})

test('who signs in at the moment of a sign-out counts as active', async () => {
  const namespace = `${freshPrefix()}r`
  const [rs, other] = [startOurs(namespace), startOurs(namespace)]
  const { token } = await rs.create(whole)
  const client = rs.redis as unknown as { call(...args: unknown[]): Promise<unknown> }
  const native = client.call
  client.call = async (...args) => {
    const reply = await native.apply(client, args)
    // The sign-out has seen that no session is left …
    if (args[0] === 'exists') {
      client.call = native
      await other.create(whole)
    }
    return reply
  }
  await rs.kill({ app, token })
  expect(await rs.activity({ app, dt: 60 })).toEqual({ activity: 1 })
})

test('the end of one session does not make the user of another one active', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  onTestFinished(() => void vi.useRealTimers())
  const rs = startOurs(`${freshPrefix()}r`)
  const { token } = await rs.create(whole)
  await rs.create(whole)
  vi.setSystemTime(Date.now() + 100_000)
  await rs.kill({ app, token })
  expect(await rs.activity({ app, dt: 60 })).toEqual({ activity: 0 })
  expect(await rs.activity({ app, dt: 600 })).toEqual({ activity: 1 })
})

test('entries of sessions that expired in Redis vanish where they are read', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  onTestFinished(() => void vi.useRealTimers())
  const namespace = `${freshPrefix()}r`
  const rs = startOurs(namespace)
  await rs.create({ ...whole, ttl: 10 })
  await rs.create({ ...whole, ttl: 10, id: 'bob' })
  vi.setSystemTime(Date.now() + 12_000)
  expect((await rs.soid({ app, id: 'ada' })).sessions).toEqual([])
  expect(Object.keys(await contentOf(namespace))).toContain(`${namespace}:${app}:us:bob`)
  expect(Object.keys(await contentOf(namespace))).not.toContain(`${namespace}:${app}:us:ada`)
  expect((await rs.soapp({ app, dt: 600 })).sessions).toEqual([])
  expect(await rs.activity({ app, dt: 600 })).toEqual({ activity: 0 })
  expect(await contentOf(namespace)).toEqual({})
})

describe('a wipe', () => {
  test('takes thousands in batches and leaves those that were used meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    const namespace = `${freshPrefix()}r`
    const engine = ours.start(namespace)
    const tokens: string[] = []
    for (let block = 0; block < 12; block++) {
      const creating = Array.from({ length: 100 }, () => engine.create({ ...whole, ttl: 10 }))
      tokens.push(...(await Promise.all(creating)).map(({ token }) => token))
    }
    const [kept = ''] = tokens
    vi.setSystemTime(Date.now() + 8000)
    // Used by a server whose index entry was lost on the way: its record alone says so.
    const la = String(Math.floor(Date.now() / 1000))
    await redis().hset(`${namespace}:${app}:${kept}`, 'la', la)
    vi.setSystemTime(Date.now() + 4000)
    await engine.wipe()
    expect((await engine.soid({ app, id: 'ada' })).sessions).toHaveLength(1)
    expect(Object.keys(await contentOf(namespace)).toSorted()).toHaveLength(5)
    vi.setSystemTime(Date.now() + 20_000)
    await engine.wipe()
    expect(await contentOf(namespace)).toEqual({})
  })

  test('is done by the timer, which does not keep the process', async () => {
    const namespace = `${freshPrefix()}r`
    const set = vi.spyOn(globalThis, 'setInterval')
    onTestFinished(() => set.mockRestore())
    const rs = startOurs(namespace, { wipe: 3 })
    startOurs(namespace, { wipe: 0 })
    const rounds = set.mock.calls.filter(([, ms]) => ms === 10_000)
    expect(rounds).toHaveLength(1)
    const at = set.mock.calls.findIndex(([, ms]) => ms === 10_000)
    expect((set.mock.results[at]!.value as NodeJS.Timeout).hasRef()).toBe(false)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    await rs.create({ ...whole, ttl: 10 })
    vi.setSystemTime(Date.now() + 12_000)
    rounds[0]?.[0]()
    await until('the session is gone', async () => {
      return Object.keys(await contentOf(namespace)).length === 0
    })
  })

  test('passes over entries that name nobody', async () => {
    const namespace = `${freshPrefix()}r`
    const engine = ours.start(namespace)
    await engine.create({ ...whole })
    await redis().zadd(`${namespace}:SESSIONS`, 1, 'nonsense', 1, 'a:b')
    await engine.wipe()
    const members = (await contentOf(namespace))[`${namespace}:SESSIONS`] as string[]
    expect(members).toHaveLength(2)
  })
})

test('killall ends thousands, on a Cluster too', async () => {
  const row = clientRows.find(({ title }) => title === 'ioredis 6, cluster')!
  const { client, close } = await row.connect()
  onTestFinished(close)
  const namespace = `${freshPrefix()}r`
  for (const options of [{}, { client }]) {
    const rs = startOurs(namespace, options)
    for (let block = 0; block < 12; block++) {
      const creating = Array.from({ length: 100 }, (_, nth) =>
        rs.create({ ...whole, id: `u:${nth}`, d: { block } }),
      )
      await Promise.all(creating)
    }
    expect((await rs.soapp({ app, dt: 60 })).sessions).toHaveLength(1200)
    expect(await rs.activity({ app, dt: 60 })).toEqual({ activity: 100 })
    expect(await rs.killsoid({ app, id: 'u:7' })).toEqual({ kill: 12 })
    expect(await rs.activity({ app, dt: 60 })).toEqual({ activity: 99 })
    expect(await rs.killall({ app })).toEqual({ kill: 1188 })
    expect(await rs.activity({ app, dt: 60 })).toEqual({ activity: 0 })
  }
  const cluster = new Cluster([...redisServers().cluster.nodes])
  onTestFinished(() => cluster.disconnect())
  const keys = await Promise.all(cluster.nodes('master').map((node) => node.keys(`${namespace}:*`)))
  expect(keys.flat()).toEqual([])
  expect(await contentOf(namespace)).toEqual({})
})
