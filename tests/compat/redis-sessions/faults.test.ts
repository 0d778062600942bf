/** Each known fault of the originals: the same scenario gives the bad outcome there, and the good one here. */
import { expect, test, vi } from 'vitest'
import { monitor } from '../../support/monitor.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'
import { contentOf, lifetimesOf, originals, ours, redis } from './engines.ts'
import type { Engine, EngineRow } from './engines.ts'

const app = 'forum'
const ip = '192.0.2.7'

interface Fault {
  readonly title: string
  /** What a user of the engine sees. */
  scenario(engine: Engine, namespace: string): Promise<unknown>
  readonly bad: unknown
  readonly good: unknown
  readonly options?: Record<string, unknown>
  /** Majors that have it; all, where nothing is said. */
  readonly only?: readonly string[]
}

const create = async (engine: Engine, more: Record<string, unknown> = {}): Promise<string> =>
  (await engine.create({ app, id: 'ada', ip, ...more })).token

/** Moves the clock of this process by seconds, which the originals read, too. */
const sleep = (seconds: number): void => void vi.setSystemTime(Date.now() + seconds * 1000)

const faults: readonly Fault[] = [
  {
    title: 'parallel changes of one session lose keys',
    async scenario(engine) {
      const token = await create(engine)
      const keys = Array.from({ length: 20 }, (_, nth) => `key${nth}`)
      await Promise.all(keys.map((key) => engine.set({ app, token, d: { [key]: 1 } })))
      const { d = {} } = (await engine.get({ app, token })) ?? {}
      return Object.keys(d).length === 20 ? 'all there' : 'some lost'
    },
    bad: 'some lost',
    good: 'all there',
  },
  {
    title: 'a key has no expiry',
    async scenario(engine, namespace) {
      await create(engine)
      return [...new Set(Object.values(await lifetimesOf(namespace)).map((ttl) => ttl > 0))]
    },
    bad: [false],
    good: [true],
  },
  {
    title: 'a wipe removes of an id with colons the record alone',
    async scenario(engine, namespace) {
      await create(engine, { id: 'realm:ada:x', ttl: 10 })
      sleep(12)
      await engine.wipe()
      return Object.keys(await contentOf(namespace)).length
    },
    bad: 4,
    good: 0,
  },
  {
    title: 'killall mistakes an id with colons for another one',
    async scenario(engine, namespace) {
      await create(engine, { id: 'realm:ada' })
      await engine.killall({ app })
      return Object.keys(await contentOf(namespace)).length
    },
    bad: 2,
    good: 0,
  },
  {
    title: 'without the timer what is over stays for ever',
    async scenario(engine, namespace) {
      for (let nth = 0; nth < 3; nth++) await create(engine, { id: `user${nth}`, ttl: 10 })
      sleep(12)
      await create(engine, { id: 'later' })
      const count = async (): Promise<number> =>
        (await redis().keys(`${namespace}:forum:us:*`)).length
      // Removed in the background: ask for a while.
      for (let round = 0; round < 50 && (await count()) > 1; round++) await engine.ping()
      return count()
    },
    bad: 4,
    good: 1,
  },
  {
    title: 'a session with a fixed end that is read often ends before its time',
    async scenario(engine) {
      const token = await create(engine, { ttl: 20, no_resave: true })
      sleep(1)
      for (let nth = 0; nth < 8; nth++) await engine.get({ app, token })
      return (await engine.get({ app, token }))?.ttl
    },
    bad: 11,
    good: 19,
  },
  {
    title: 'a change to a session with a fixed end reports no writes',
    async scenario(engine) {
      const token = await create(engine, { no_resave: true })
      return (await engine.set({ app, token, d: { a: 1 } }))?.w
    },
    bad: 0,
    good: 2,
  },
  {
    title: 'killsoid miscounts with the cache on',
    options: { cachetime: 60 },
    async scenario(engine) {
      for (let nth = 0; nth < 4; nth++) await create(engine)
      return (await engine.killsoid({ app, id: 'ada' })).kill === 4 ? 'right' : 'wrong'
    },
    bad: 'wrong',
    good: 'right',
  },
  {
    title: 'a read that races a kill brings parts of the session back',
    async scenario(engine, namespace) {
      const token = await create(engine)
      sleep(5)
      const killer = ours.start(namespace)
      engine.afterReply(() => killer.kill({ app, token }))
      await engine.get({ app, token })
      return Object.keys(await contentOf(namespace)).length === 0 ? 'gone' : 'back'
    },
    bad: 'back',
    good: 'gone',
  },
  {
    title: 'the arguments of the caller are changed',
    async scenario(engine) {
      const given = { app, id: 'ada', ip, d: { a: 1, b: null } }
      await engine.create(given)
      return given
    },
    bad: expect.objectContaining({ d: { a: 1 } }),
    good: { app, id: 'ada', ip, d: { a: 1, b: null } },
  },
  {
    title: 'a cached session that the caller changes is changed for all',
    options: { cachetime: 60 },
    async scenario(engine) {
      const token = await create(engine, { d: { role: 'guest' } })
      // Until the channel is heard; the originals cache before that.
      for (let round = 0; round < 100; round++) await engine.ping()
      await engine.get({ app, token })
      const { d = {} } = (await engine.get({ app, token })) ?? {}
      d['role'] = 'admin'
      return (await engine.get({ app, token }))?.d
    },
    bad: { role: 'admin' },
    good: { role: 'guest' },
  },
  {
    title: 'kill counts as a use of the session first',
    only: ['redis-sessions 4.0'],
    async scenario(engine, namespace) {
      const token = await create(engine)
      sleep(5)
      const { lines } = await monitor(redisServers().single.port)
      await engine.kill({ app, token })
      expect(await contentOf(namespace)).toEqual({})
      const sent = (await lines()).split('\n').filter((line) => line.includes(namespace))
      return sent.filter((line) => /"zadd"/i.test(line)).length
    },
    bad: 3,
    good: 0,
  },
]

const rows = faults.flatMap((fault) => [
  ...originals
    .filter(({ title }) => !fault.only || fault.only.includes(title))
    .map((row) => ({ fault, row, outcome: fault.bad, whose: row.title, name: fault.title })),
  { fault, row: ours, outcome: fault.good, whose: 'not here', name: fault.title },
])

test.each(rows)('$name: $whose', async ({ fault, row, outcome }) => {
  expect(await outcomeOf(fault, row)).toEqual(outcome)
})

async function outcomeOf({ scenario, options }: Fault, row: EngineRow): Promise<unknown> {
  const namespace = `${row === ours ? freshPrefix() : foreignPrefix()}faults`
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  try {
    return await scenario(row.start(namespace, options), namespace)
  } finally {
    vi.useRealTimers()
  }
}
