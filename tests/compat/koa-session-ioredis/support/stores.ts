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

export interface Make {
  /** Connected to the single server unless told otherwise. */
  (options?: object): Made
  readonly title: string
  /** Gives the options as they are. */
  create(options: object): Made['store']
}

export const seed = make('koa-session-ioredis 1.0.5', koaSessionIoredis)
export const parent = make('koa-redis 4.0.1', koaRedis)
export const ours = make('ours', redisStore)

function make(title: string, constructor: unknown): Make {
  const create = (options: object): Made['store'] => {
    const store = (constructor as Make['create'])(options)
    onTestFinished(() => disconnect(store))
    return store
  }
  const connected = (options: object = {}): Made => {
    const { host, port } = redisServers().single
    const store = create({ host, port, ...options })
    return {
      store,
      get: (...values) => settled(store.get(...values)),
      set: (...values) => settled(store.set(...values)),
      destroy: (...values) => settled(store.destroy(...values)),
    }
  }
  return Object.assign(connected, { title, create })
}

/** koa-generic-session 2.3.1 would end the process 10 s after it hears of it. */
function disconnect(store: Made['store']): void {
  store.removeAllListeners('disconnect')
  store.client.disconnect()
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
