/** From a URL to a connected client of whichever package is installed. */
import { HandstampError } from '../core/errors.ts'
import type { RedisClient } from './driver.ts'
import { recommendedIoredisOptions, recommendedNodeRedisOptions } from './recommended.ts'

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

async function openIoredis(url: string): Promise<Connection> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url, recommendedIoredisOptions())
  client.on('error', () => undefined)
  return { client, close: async () => client.disconnect() }
}

async function openIovalkey(url: string): Promise<Connection> {
  const { Redis } = await import('iovalkey')
  const client = new Redis(url, recommendedIoredisOptions())
  client.on('error', () => undefined)
  return { client, close: async () => client.disconnect() }
}

async function openNodeRedis(url: string): Promise<Connection> {
  const { createClient } = await import('redis')
  const client = createClient({ url, ...recommendedNodeRedisOptions() })
  client.on('error', () => undefined)
  // Goes on trying in the background.
  client.connect().catch(() => undefined)
  return { client: client as RedisClient, close: async () => client.destroy() }
}
