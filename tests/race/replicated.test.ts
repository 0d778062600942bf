import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createClientPool } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { until } from '../../tools/redis/until.mjs'
import { memoryStore } from '../../src/memory/index.ts'
import { clientRows } from '../support/clients.ts'
import { monitor } from '../support/monitor.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

/** A pair of its own: its replica is stopped. */
let master: Awaited<ReturnType<typeof startOne>>
let replica: Awaited<ReturnType<typeof startOne>>
beforeAll(async () => {
  ;[master, replica] = await Promise.all([startOne(), startOne()])
})
afterAll(() => Promise.all([master.stop(), replica.stop()]))

function startOne() {
  return startRedis({ single: true })
}

/** Each over a connection, or connections, of its own to a server. */
const clients: [string, (port: number) => Promise<RedisClient>][] = [
  [
    'ioredis',
    async (port) => {
      const client = new Redis({ port, enableAutoPipelining: true })
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  [
    'iovalkey',
    async (port) => {
      const client = new Valkey({ port })
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  ['node-redis', (port) => opened(createClient({ url: `redis://127.0.0.1:${port}` }))],
  ['node-redis 5', (port) => opened(createClient5({ url: `redis://127.0.0.1:${port}` }))],
  [
    'a pool of node-redis',
    (port) =>
      opened(createClientPool({ url: `redis://127.0.0.1:${port}` }, { minimum: 3, maximum: 3 })),
  ],
]

async function opened<
  Client extends RedisClient & { connect(): Promise<unknown>; destroy(): unknown },
>(client: Client): Promise<RedisClient> {
  onTestFinished(async () => void (await client.destroy()))
  await client.connect()
  return client
}

describe.each(clients)('a revocation (%s)', (_, connect) => {
  const start = async () => revoker(await connect(master.single.port))

  test('says whether a replica has it, and never waits for one that hangs', async () => {
    const { revoked } = await start()
    expect(await revoked()).toBeUndefined()
    await replicated(async ({ hang }) => {
      // A replica that is still copying confirms nothing.
      await until('the replica confirms', async () => (await revoked()) === true)
      await hang(async () => expect(await revoked()).toBe(false))
    })
    await until('the master is alone', async () => (await revoked()) === undefined)
  })

  test('of twenty users at once while the replica hangs holds up nobody who reads', async () => {
    const { sessions, revoked } = await start()
    const bystander = new Visitor(sessions)
    await bystander.visit((session) => void (session.tenant = 't1'))
    const users = Array.from({ length: 20 }, (__, at) => `user ${at}`)
    for (const user of users) {
      await new Visitor(sessions).visit((session) => session.signIn(user))
    }
    await replicated(async ({ hang }) => {
      await until('the replica confirms', async () => (await revoked()) === true)
      await hang(async () => {
        const seen = await monitor(master.single.port)
        const over = new AbortController()
        const reading = async () => {
          while (!over.signal.aborted) {
            expect(await bystander.visit(({ tenant }) => tenant)).toBe('t1')
          }
        }
        const read = reading()
        const revoking = users.map((user) => sessions.user(user).revokeAll())
        const outcomes = (await Promise.all(revoking)).map((one) => one.replicated)
        over.abort()
        await read
        expect(outcomes).not.toContain(true)
        // What is sent behind a WAIT waits with it, up to 100 ms each.
        const lines = await seen.lines()
        const senders = (command: RegExp) =>
          new Set(Array.from(lines.matchAll(command), ([, address]) => address))
        const asking = senders(/\[\d+ (\S+)\] "wait"/gi)
        const readers = senders(/\[\d+ (\S+)\] "get"/gi)
        expect(asking.size).toBeGreaterThan(0)
        expect([...asking].filter((address) => readers.has(address))).toEqual([])
      })
    })
  })
})

test('of many sessions at once asks the replicas once, on a connection that is closed a moment later', async () => {
  const { sessions, revoked } = revoker(await connectRedis(master.single.port))
  const eyes = await connectRedis(master.single.port)
  const connections = async () => String(await eyes.client('LIST')).split('id=').length - 1
  await replicated(async () => {
    await until('the replica confirms', async () => (await revoked()) === true)
    const seen = await monitor(master.single.port)
    for (let at = 0; at < 150; at++) {
      await new Visitor(sessions).visit((session) => {
        session.tenant = 't1'
        return at % 2 ? session.signIn(`user ${at}`) : undefined
      })
    }
    await seen.commands()
    expect((await sessions.by('tenant', 't1').revokeAll()).ended).toHaveLength(150)
    const asked: string[] = []
    await until('the replicas are asked', async () => {
      asked.push(...(await seen.commands()).filter((command) => command === 'WAIT'))
      return asked.length > 0
    })
    expect(asked).toHaveLength(1)
    const during = await connections()
    await until('one connection is gone', async () => (await connections()) === during - 1)
  })
})

test('a replica of another server confirms nothing, as after a failover that this process has not seen', async () => {
  const old = await connectRedis(master.single.port)
  const successor = await connectRedis(redisServers().single.port)
  const { revoked } = revoker(old)
  await replicated(async () => {
    await until('the replica confirms', async () => (await revoked()) === true)
    Object.assign(old, { duplicate: () => successor.duplicate() })
    const again = revoker(old)
    expect(await again.revoked()).toBe(false)
  })
})

test('without the permission to ask replicas a revocation holds, and says nothing of them', async () => {
  const admin = await connectRedis(master.single.port)
  const rules = 'on nopass ~* &* +@all -role -wait'.split(' ')
  await admin.call('ACL', ['SETUSER', 'limited', ...rules])
  const limited = new Redis({ port: master.single.port, username: 'limited', password: 'x' })
  onTestFinished(async () => {
    limited.disconnect()
    await admin.call('ACL', ['DELUSER', 'limited'])
  })
  const { sessions, revoked } = revoker(limited)
  const failures: unknown[] = []
  sessions.events.on('storeFailed', (event) => failures.push(event))
  await replicated(async () => expect(await revoked()).toBeUndefined())
  expect(failures).toEqual([])
})

test('a revocation whose confirmation fails has ended the session, and says nothing of replicas', async () => {
  const store = memoryStore()
  const broken = () => Promise.reject(new Error('Connection is closed.'))
  store.users.confirm = broken
  const sessions = createSessions({ store })
  const failures: unknown[] = []
  sessions.events.on('storeFailed', ({ operation }) => failures.push(operation))
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => session.signIn('ann'))
  const { ended, replicated: isSafe } = await sessions.user('ann').revokeAll()
  expect([ended.length, isSafe, failures]).toEqual([1, undefined, ['confirm']])
})

/** node-redis 5 cannot make a second Sentinel client of the first. */
const grouped = clientRows.filter(
  ({ title }) => !title.endsWith('single') && title !== 'redis 5, sentinel',
)
test.each(grouped)('a replica of a group confirms: $title', async ({ connect }) => {
  const { client, close } = await connect()
  onTestFinished(close)
  const { revoked } = revoker(client)
  await expect.poll(revoked, { timeout: 15_000 }).toBe(true)
})

/** Signs one in and ends it. */
function revoker(client: RedisClient) {
  // What is tested is told by the result alone: no deadline of the engine may decide it.
  const store = redisStore({ client, prefix: freshPrefix() })
  const sessions = createSessions<{ tenant: string }>({
    store,
    storeTimeout: '60s',
    references: { tenant: true },
  })
  onTestFinished(() => sessions.close())
  const revoked = async () => {
    await new Visitor(sessions).visit((session) => session.signIn('ann'))
    const { ended, replicated: isSafe } = await sessions.user('ann').revokeAll()
    expect(ended).toHaveLength(1)
    return isSafe
  }
  return { sessions, revoked }
}

async function connectRedis(port: number): Promise<Redis> {
  const redis = new Redis({ port })
  onTestFinished(() => redis.disconnect())
  return redis
}

/** While the master has a replica, which can be made to hang. */
async function replicated(
  work: (replica: { hang(work: () => Promise<void>): Promise<void> }) => Promise<void>,
): Promise<void> {
  const admin = new Redis({ port: replica.single.port })
  onTestFinished(() => admin.disconnect())
  await admin.replicaof('127.0.0.1', master.single.port)
  const [, pid] = /process_id:(\d+)/.exec(await admin.info('server')) ?? []
  try {
    await work({
      hang: async (meanwhile) => {
        process.kill(Number(pid), 'SIGSTOP')
        await meanwhile().finally(() => process.kill(Number(pid), 'SIGCONT'))
      },
    })
  } finally {
    await admin.replicaof('NO', 'ONE')
  }
}
