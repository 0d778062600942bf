/** The store keeps its contract as a user with no more rights than docs/data-in-redis.md names, over TLS. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Handle } from '../../src/core/id.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { driverOf } from '../../src/redis/driver.ts'
import { redisStore } from '../../src/redis/index.ts'
import { sessionKey } from '../../src/redis/keys.ts'
import { freePort } from '../../tools/redis/port.mjs'
import { startRedis } from '../../tools/redis/start.mjs'
import { addRestrictedUser, login } from '../support/restricted-user.ts'
import { describeStore } from './store.ts'

const host = '127.0.0.1'
const folder = mkdtempSync(join(tmpdir(), 'handstamp-tls-'))
let redis: Awaited<ReturnType<typeof startRedis<{ single: true }>>>
let admin: Redis
let port: number
let ca: string

beforeAll(async () => {
  redis = await startRedis({ single: true })
  admin = new Redis({ host, port: redis.single.port })
  await addRestrictedUser(redis.single.port)
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const name = ['-subj', '/CN=localhost', '-addext', `subjectAltName=IP:${host},DNS:localhost`]
  const files = ['-days', '1', '-keyout', key, '-out', certificate]
  execFileSync('openssl', ['req', '-x509', ...curve, ...name, ...files], { stdio: 'pipe' })
  port = await freePort()
  const settings = {
    'tls-key-file': key,
    'tls-cert-file': certificate,
    'tls-ca-cert-file': certificate,
    'tls-auth-clients': 'no',
    'tls-port': String(port),
  }
  await admin.call('CONFIG', 'SET', ...Object.entries(settings).flat())
  ca = readFileSync(certificate, 'utf8')
})
afterAll(async () => {
  admin.disconnect()
  await redis.stop()
  rmSync(folder, { recursive: true })
})

interface Connected {
  readonly client: RedisClient
  close(): Promise<void>
}

const clients: [name: string, connect: () => Promise<Connected>][] = [
  [
    'ioredis',
    async () => {
      const client = new Redis({ host, port, ...login, tls: { ca } })
      return { client, close: async () => client.disconnect() }
    },
  ],
  [
    'node-redis',
    async () => {
      const client = createClient({ ...login, socket: { host, port, tls: true, ca } })
      client.on('error', () => {})
      await client.connect()
      return { client: client as unknown as RedisClient, close: async () => client.destroy() }
    },
  ],
]

let stores = 0
for (const [name, connect] of clients) {
  describeStore(`${name}, with the rights in the docs, over TLS:`, async () => {
    const { client, close } = await connect()
    const prefix = `hs:${stores++}:`
    const remaining = async (handle: Handle): Promise<number> => {
      const key = sessionKey(prefix, handle)
      return (await driverOf(client).send(key, false, ['PTTL', key])) as number
    }
    return {
      store: redisStore({ client, prefix }),
      remaining,
      leavesAfter: async (handle, ttl) => {
        const left = await remaining(handle)
        return left !== -1 && left <= ttl && left > ttl - 30_000
      },
      close,
    }
  })
}

test.each(clients)(
  '%s may not touch keys of others, nor what handstamp does not need',
  async (_, connect) => {
    const { client, close } = await connect()
    onTestFinished(close)
    const { send } = driverOf(client)
    await expect(send('other', false, ['GET', 'other'])).rejects.toThrow(/NOPERM|permission/)
    await expect(send('hs:1', false, ['KEYS', '*'])).rejects.toThrow(/NOPERM|permission/)
    await expect(send('hs:1', false, ['FLUSHALL'])).rejects.toThrow(/NOPERM|permission/)
  },
)
