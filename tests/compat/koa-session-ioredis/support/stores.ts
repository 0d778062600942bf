/** The replaced stores beside ours, all behind the same three methods. */
import redisStore from 'handstamp/compat/koa-session-ioredis'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import koaSessionIoredis from 'koa-session-ioredis'
import { onTestFinished } from 'vitest'
import { redisServers } from '../../../support/redis.ts'

export interface SessionStore {
  get(sid: string, maxAge?: unknown, asker?: object): Promise<unknown>
  set(sid: string, session: object, ttl?: unknown, asker?: object): Promise<unknown>
  destroy(sid: string, asker?: object): Promise<unknown>
}

export interface Made extends SessionStore {
  /** The store itself, as a middleware gets it. */
  readonly store: SessionStore & NodeJS.EventEmitter & { client: Redis; status: string }
}

export type Make = (options?: object) => Made

/** koa-session-ioredis 1.0.5, koa-redis 4.0.1, and ours: connected to the single server unless told otherwise. */
export const seed: Make = (options) => made(koaSessionIoredis, options)
export const parent: Make = (options) => made(koaRedis, options)
export const ours: Make = (options) => made(redisStore, options)

export const originals: readonly [string, Make][] = [
  ['koa-session-ioredis 1.0.5', seed],
  ['koa-redis 4.0.1', parent],
]

function made(create: unknown, options: object = {}): Made {
  const { host, port } = redisServers().single
  const store = (create as (options: object) => Made['store'])({ host, port, ...options })
  onTestFinished(() => store.client.disconnect())
  return {
    store,
    get: (...values) => settled(store.get(...values)),
    set: (...values) => settled(store.set(...values)),
    destroy: (...values) => settled(store.destroy(...values)),
  }
}

/** The methods of koa-session-ioredis 1.0.5 are generators that yield promises; the others give promises. */
async function settled(method: unknown): Promise<unknown> {
  const steps = method as Partial<Iterator<unknown, unknown, unknown>>
  if (!steps.next) return method
  let step = steps.next()
  while (!step.done) step = steps.next(await step.value)
  return step.value
}

/** What Redis holds, whoever wrote it. */
export function eyes(): Redis {
  const redis = new Redis(redisServers().single.url)
  onTestFinished(() => redis.disconnect())
  return redis
}
