/** From a URL to a connected client of whichever package is installed. */
import { HandstampError } from '../core/errors.ts'
import type { RedisClient } from './driver.ts'

export interface Connection {
  readonly client: RedisClient
  close(): Promise<void>
}

/** Tries ioredis, redis and iovalkey in this order; rejects with ERR_OPTION where none is installed. */
export async function connect(url: string): Promise<Connection> {
  for (const open of [openIoredis, openNodeRedis, openIovalkey]) {
    try {
      return await open(url)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    }
  }
  throw new HandstampError(
    'ERR_OPTION',
    'redisStore({ url }) needs a Redis client: install one with `npm install ioredis` (or redis, or iovalkey).',
  )
}

/** Answers soon or not at all: a request is not to wait through a client's own rounds of retries. */
const IOREDIS_OPTIONS = { maxRetriesPerRequest: 1, enableAutoPipelining: true }

async function openIoredis(url: string): Promise<Connection> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url, IOREDIS_OPTIONS)
  client.on('error', () => undefined)
  return { client, close: async () => client.disconnect() }
}

async function openIovalkey(url: string): Promise<Connection> {
  const { Redis } = await import('iovalkey')
  const client = new Redis(url, IOREDIS_OPTIONS)
  client.on('error', () => undefined)
  return { client, close: async () => client.disconnect() }
}

async function openNodeRedis(url: string): Promise<Connection> {
  const { createClient } = await import('redis')
  const client = createClient({ url })
  client.on('error', () => undefined)
  // Goes on trying in the background; until then commands wait, each for its deadline.
  client.connect().catch(() => undefined)
  return { client: client as RedisClient, close: async () => client.destroy() }
}
