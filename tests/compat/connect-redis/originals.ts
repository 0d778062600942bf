/** connect-redis itself, major by major, with the clients that each takes. */
import { RedisStore as Store10 } from 'connect-redis'
import connectRedis3 from 'connect-redis3'
import connectRedis4 from 'connect-redis4'
import connectRedis5 from 'connect-redis5'
import connectRedis6 from 'connect-redis6'
import * as connectRedis7 from 'connect-redis7'
import { RedisStore as Store8 } from 'connect-redis8'
import { RedisStore as Store9 } from 'connect-redis9'
import session from 'express-session'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { createClient as createClient6 } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { redisServers } from '../../support/redis.ts'
import { connectRedis3 as redis3, connectRedis4 as redis4 } from './clients.ts'

/** What the tests ask of a store, ours or another. */
export interface AnyStore {
  get(sid: string, callback: Told): unknown
  set(sid: string, session: object, callback: Told): unknown
  touch(sid: string, session: object, callback: Told): unknown
  destroy(sid: string, callback: Told): unknown
  clear(callback: Told): unknown
  length(callback: Told): unknown
  ids(callback: Told): unknown
  all(callback: Told): unknown
  on(event: string, listener: (value?: unknown) => void): unknown
}

type Told = (error?: unknown, value?: unknown) => unknown

export type StoreClass = new (options: object) => AnyStore

export const originals = {
  3: connectRedis3(session) as StoreClass,
  4: connectRedis4(session) as StoreClass,
  5: connectRedis5(session) as StoreClass,
  6: connectRedis6(session) as StoreClass,
  7: connectRedis7.default as unknown as StoreClass,
  8: Store8 as unknown as StoreClass,
  9: Store9 as unknown as StoreClass,
  10: Store10 as unknown as StoreClass,
}

/** Any method, of any major, as a promise. */
export function ask<Method extends keyof AnyStore>(
  store: AnyStore,
  method: Method,
  ...args: unknown[]
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const told: Told = (error, value) => (error ? reject(error) : resolve(value))
    const call = store[method] as (...all: unknown[]) => Promise<unknown> | undefined
    // A major that rejects instead of calling back is heard as well.
    Promise.resolve(call.call(store, ...args, told)).catch(reject)
  })
}

interface Opened {
  readonly client: object
  close(): Promise<void>
}

export const clients = {
  'redis 3': redis3,
  'redis 4': redis4,
  'redis 5': async () => opened(createClient5({ url: redisServers().single.url })),
  'redis 6': async () => opened(createClient6({ url: redisServers().single.url })),
  'ioredis 5': async () => disconnecting(new Redis5(redisServers().single.url)),
  'ioredis 6': async () => disconnecting(new Redis(redisServers().single.url)),
} satisfies Record<string, () => Promise<Opened>>

async function opened(
  client: object & { connect(): Promise<unknown>; destroy(): unknown },
): Promise<Opened> {
  await client.connect()
  return { client, close: async () => void client.destroy() }
}

function disconnecting(client: object & { disconnect(): void }): Opened {
  return { client, close: async () => client.disconnect() }
}
