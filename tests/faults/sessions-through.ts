/** Sessions whose Redis is behind a proxy, by each client that handles a lost reply in a way of its own. */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { onTestFinished } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { startProxy } from './proxy.js'
import type { Proxy } from './proxy.js'

export interface Data {
  n: number
  hits: number
}

export interface Site {
  readonly proxy: Proxy
  /** Through the proxy. */
  readonly sessions: Sessions<Data>
  /** The same sessions, past the proxy. */
  readonly truth: Sessions<Data>
}

export const clients: [string, (port: number) => Promise<RedisClient>][] = [
  // Sends a command whose reply was lost once more.
  ['ioredis', async (port) => ioredis(port)],
  ['ioredis that does not resend', async (port) => ioredis(port, { maxRetriesPerRequest: 0 })],
  ['node-redis', (port) => nodeRedis(port)],
]

/** `port`: of another Redis than that of the test run. */
export async function siteThrough(
  connect: (port: number) => Promise<RedisClient>,
  options: Omit<SessionsOptions<Data>, 'store'> = {},
  { port }: { port: number } = redisServers().single,
): Promise<Site> {
  const proxy = await startProxy(port)
  onTestFinished(() => proxy.stop())
  const prefix = freshPrefix()
  // The deadline is not the matter here, and a busy machine may need more than its 250 ms.
  const patient = { storeTimeout: '5s', ...options } as const
  const direct = ioredis(port)
  const client = await connect(proxy.port)
  return {
    proxy,
    sessions: createSessions<Data>({ store: redisStore({ client, prefix }), ...patient }),
    truth: createSessions<Data>({ store: redisStore({ client: direct, prefix }), ...patient }),
  }
}

function ioredis(port: number, options: object = {}): Redis {
  const client = new Redis({ port, retryStrategy: () => 10, ...options })
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  return client
}

async function nodeRedis(port: number): Promise<RedisClient> {
  const client = createClient({ socket: { port, reconnectStrategy: () => 10 } })
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.destroy())
  return client
}
