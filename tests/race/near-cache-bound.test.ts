import { once } from 'node:events'
import { Agent, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions } from '../../src/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { buildPackage } from '../support/built-package.ts'
import type { BuiltPackage } from '../support/built-package.ts'
import { inBatches } from '../support/engines.ts'
import { freshPrefix } from '../support/redis.ts'
import { relayTo } from '../support/relay.ts'
import { startServer } from '../support/server-process.ts'
import type { ServerProcess } from '../support/server-process.ts'
import { Visitor } from '../support/visitor.ts'

/** Quick by default; LONG=1 runs the number that the docs name. */
const REVOCATIONS = process.env['LONG'] ? 10_000 : 200
const STOPS = process.env['LONG'] ? 100 : 5

interface Data {
  count: number
}

/** A server of its own: its connections are killed. */
let server: { single: { port: number }; stop(): Promise<void> }
/** Child processes cannot run the sources. */
let built: BuiltPackage
beforeAll(async () => {
  built = buildPackage()
  server = await startRedis({ single: true })
})
afterAll(async () => {
  await server.stop()
  built.remove()
})

function engine(client: RedisClient, prefix: string, maxStaleness?: number): Sessions<Data> {
  const sessions = createSessions<Data>({
    store: redisStore({ client, prefix }),
    storeTimeout: '60s',
    ...(maxStaleness === undefined ? {} : { nearCache: { maxStaleness } }),
  })
  onTestFinished(() => sessions.close())
  return sessions
}

function connection(port = server.single.port): Redis {
  const redis = new Redis({ port })
  onTestFinished(() => redis.disconnect())
  return redis
}

async function signedIn(sessions: Sessions<Data>, user: string): Promise<Visitor<Data>> {
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => session.signIn(user))
  return visitor
}

/** Asks until it is refused; when the last request that was accepted had begun. */
async function lastAccepted(isAccepted: () => Promise<boolean>): Promise<number> {
  for (let last = -Infinity; ;) {
    const began = performance.now()
    if (!(await isAccepted())) return last
    last = began
  }
}

describe('servers in processes of their own', () => {
  async function start(prefix: string, maxStaleness: number): Promise<ServerProcess> {
    const file = fileURLToPath(new URL('../support/near-cache/server.mjs', import.meta.url))
    const process = await startServer(file, {
      DIST: join(built.folder, 'dist'),
      REDIS_URL: `redis://127.0.0.1:${server.single.port}`,
      PREFIX: prefix,
      MAX_STALENESS: String(maxStaleness),
    })
    onTestFinished(() => process.end())
    await expect.poll(async () => (await statsOf(process)).healthy).toBe(true)
    return process
  }

  const statsOf = async ({ origin }: ServerProcess) =>
    (await (await fetch(`${origin}/stats`)).json()) as { healthy: boolean; hits: number }

  const agent = new Agent({ keepAlive: true })
  afterAll(() => agent.destroy())

  /** Whether the request is taken for one of a user; far cheaper than fetch, and there are many. */
  async function asks({ port }: ServerProcess, { cookie = '' }: Visitor<Data>): Promise<boolean> {
    const request = get({ port, host: 'localhost', agent, headers: { cookie } })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode === 200
  }

  test(
    `${REVOCATIONS} revocations under load: none is accepted past the bound`,
    { timeout: 600_000 },
    async () => {
      const [prefix, bound] = [freshPrefix(), 1000]
      const here = engine(connection(), prefix)
      const processes = await Promise.all([start(prefix, bound), start(prefix, bound)])
      const delays: number[] = []
      await inBatches(REVOCATIONS, 25, async (at) => {
        const user = `user ${at}`
        const visitor = await signedIn(here, user)
        for (const process of processes)
          for (let times = 0; times < 2; times++) expect(await asks(process, visitor)).toBe(true)
        const asking = processes.map((process) => lastAccepted(() => asks(process, visitor)))
        const revoking = here.user(user).revokeAll()
        const acknowledged = revoking.then(() => performance.now())
        const last = await Promise.all(asking)
        for (const began of last) delays.push(began - (await acknowledged))
      })
      expect(delays).toHaveLength(2 * REVOCATIONS)
      expect(delays.filter((delay) => delay > bound)).toEqual([])
      for (const process of processes) expect((await statsOf(process)).hits).toBeGreaterThan(0)
    },
  )

  test('a process that was stopped does not accept on waking what ended meanwhile', async () => {
    const [prefix, bound] = [freshPrefix(), 200]
    const here = engine(connection(), prefix)
    const process = await start(prefix, bound)
    for (let times = 0; times < STOPS; times++) {
      const visitor = await signedIn(here, 'ann')
      for (let warm = 0; warm < 3; warm++) expect(await asks(process, visitor)).toBe(true)
      let asking: Promise<boolean>
      process.signal('SIGSTOP')
      try {
        await here.user('ann').revokeAll()
        // The bound itself has to pass.
        await pause(bound + 1)
        // Lies in the socket when the process wakes, beside what Redis has told meanwhile.
        asking = asks(process, visitor)
      } finally {
        process.signal('SIGCONT')
      }
      expect(await asking).toBe(false)
    }
  })
})

describe.each([
  ['ioredis', async (port: number) => connection(port)],
  [
    'node-redis',
    async (port: number) => {
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      client.on('error', () => undefined)
      await client.connect()
      onTestFinished(() => client.destroy())
      return client
    },
  ],
])('where the connection that tells changes fails (%s)', (_, connect) => {
  const bound = 1000

  /** A server with a near cache that is reached over a relay, and one without that is not. */
  async function start() {
    const prefix = freshPrefix()
    const relay = await relayTo(server.single.port)
    const there = engine(await connect(relay.port), prefix, bound)
    const here = engine(connection(), prefix)
    await expect.poll(() => there.nearCache?.healthy).toBe(true)
    const visitor = await signedIn(here, 'ann')
    const elsewhere = new Visitor(there, visitor.cookie)
    const isAccepted = () => elsewhere.visit(({ meta }) => meta.userId === 'ann')
    const isHit = async (): Promise<boolean> => {
      const before = there.nearCache?.hits ?? 0
      await isAccepted()
      return (there.nearCache?.hits ?? 0) > before
    }
    await expect.poll(isHit).toBe(true)
    return { relay, here, there, visitor, elsewhere, isAccepted, isHit }
  }

  test('silently: nothing is accepted past the bound', async () => {
    const { relay, here, there, isAccepted } = await start()
    relay.silence(/tracking/i)
    await here.user('ann').revokeAll()
    const acknowledged = performance.now()
    // It is true that nothing is heard: what has ended is still seen.
    expect(await isAccepted()).toBe(true)
    expect((await lastAccepted(isAccepted)) - acknowledged).toBeLessThanOrEqual(bound)
    expect(there.nearCache).toMatchObject({ healthy: false, bypasses: 1 })
  })

  test('aloud: it is made anew, and what changed meanwhile is not missed', async () => {
    const { here, there, visitor, elsewhere, isHit } = await start()
    const failures: string[] = []
    there.events.on('storeFailed', ({ operation, error }) =>
      failures.push(`${operation} ${error.code}`),
    )
    const killed = connection()
    await killed.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await visitor.visit((session) => void (session.count = 7))
    await expect.poll(() => elsewhere.visit(({ count }) => count)).toBe(7)
    await expect.poll(() => failures).toEqual(['watch ERR_STORE'])
    await expect.poll(() => there.nearCache?.healthy).toBe(true)
    await expect.poll(isHit).toBe(true)
    await here.user('ann').revokeAll()
    await expect.poll(() => elsewhere.visit(({ meta }) => meta.userId)).toBeUndefined()
  })

  test('aloud, and what is revoked in the same moment is not accepted past the bound', async () => {
    const { here, there, isAccepted } = await start()
    const killer = connection()
    const [killed] = await Promise.all([
      killer.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      here.user('ann').revokeAll(),
    ])
    const acknowledged = performance.now()
    expect(killed).toBe(1)
    expect((await lastAccepted(isAccepted)) - acknowledged).toBeLessThanOrEqual(bound)
    await expect.poll(() => there.nearCache?.healthy).toBe(true)
    expect(await isAccepted()).toBe(false)
  })

  test('for good, where the user may not track: each is kept for the bound from its reading', async () => {
    const admin = connection()
    const user = `reader-${Math.random().toString(36).slice(2)}`
    await admin.call(
      'ACL',
      'SETUSER',
      user,
      'on',
      'nopass',
      '~*',
      '&*',
      '+@all',
      '-client|tracking',
    )
    onTestFinished(async () => void (await admin.call('ACL', 'DELUSER', user)))
    const redis = new Redis({ port: server.single.port, username: user, password: 'any' })
    onTestFinished(() => redis.disconnect())
    const there = engine(redis, freshPrefix(), bound)
    const failed = new Promise<string>((resolve) => {
      there.events.on('storeFailed', ({ operation, error }) =>
        resolve(`${operation} ${(error.cause as Error).message}`),
      )
    })
    expect(await failed).toContain('watch NOPERM')
    const visitor = await signedIn(there, 'ann')
    await visitor.visit(() => undefined)
    await visitor.visit(() => undefined)
    expect(there.nearCache).toMatchObject({ hits: 1, misses: 1, healthy: false })
  })
})

test.each<[what: string, keyPrefix: string | Buffer]>([
  ['a comma', 'shop,eu:'],
  ['other letters', 'shöp:'],
  ['other letters as bytes', Buffer.from('shöp:')],
])('a keyPrefix of ioredis with %s hides no change', async (_, keyPrefix) => {
  const prefix = freshPrefix()
  const client = (): Redis => {
    const redis = new Redis({ port: server.single.port, keyPrefix: keyPrefix as string })
    onTestFinished(() => redis.disconnect())
    return redis
  }
  const [here, there] = [engine(client(), prefix), engine(client(), prefix, 60_000)]
  await expect.poll(() => there.nearCache?.healthy).toBe(true)
  const visitor = await signedIn(here, 'ann')
  const elsewhere = new Visitor(there, visitor.cookie)
  const isAccepted = () => elsewhere.visit(({ meta }) => meta.userId === 'ann')
  expect([await isAccepted(), await isAccepted()]).toEqual([true, true])
  await here.user('ann').revokeAll()
  await expect.poll(isAccepted).toBe(false)
})

test('closing gives the connection back', async () => {
  const redis = connection()
  const prefix = freshPrefix()
  const sessions = engine(connection(), prefix, 1000)
  const channels = async () => (await redis.pubsub('CHANNELS', `${prefix}*`)).length
  await expect.poll(channels).toBe(1)
  await sessions.close()
  await expect.poll(channels).toBe(0)
})
