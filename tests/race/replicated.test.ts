import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { until } from '../../tools/redis/until.mjs'
import { freshPrefix } from '../support/redis.ts'
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

const clients: [string, (port: number) => Promise<RedisClient>][] = [
  [
    'ioredis',
    async (port) => {
      const client = new Redis({ port })
      onTestFinished(() => client.disconnect())
      return client
    },
  ],
  [
    'node-redis',
    async (port) => {
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      onTestFinished(() => client.destroy())
      await client.connect()
      return client
    },
  ],
]

test.each(clients)(
  'a revocation says whether a replica has it, and never waits for one that hangs (%s)',
  async (_, connect) => {
    const admin = new Redis({ port: replica.single.port })
    onTestFinished(() => admin.disconnect())
    const client = await connect(master.single.port)
    // What is tested is told by the result alone: no deadline of the engine may decide it.
    const store = redisStore({ client, prefix: freshPrefix() })
    const sessions = createSessions({ store, storeTimeout: '60s' })
    const revoked = async () => {
      await new Visitor(sessions).visit((session) => session.signIn('ann'))
      const { ended, replicated } = await sessions.user('ann').revokeAll()
      expect(ended).toHaveLength(1)
      return replicated
    }
    expect(await revoked()).toBeUndefined()
    await admin.replicaof('127.0.0.1', master.single.port)
    // A replica that is still copying confirms nothing.
    await until('the replica confirms', async () => (await revoked()) === true)
    const [, pid] = /process_id:(\d+)/.exec(await admin.info('server')) ?? []
    process.kill(Number(pid), 'SIGSTOP')
    try {
      expect(await revoked()).toBe(false)
    } finally {
      process.kill(Number(pid), 'SIGCONT')
    }
    await admin.replicaof('NO', 'ONE')
    await until('the master is alone', async () => (await revoked()) === undefined)
  },
)
