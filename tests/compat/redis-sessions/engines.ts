/** The originals of redis-sessions and ours, called in one form, so that one scenario runs on all. */
import { createRequire } from 'node:module'
import { Redis } from 'ioredis'
import { RedisSessions } from 'handstamp/compat/redis-sessions'
import type { RedisSessionsOptions } from 'handstamp/compat/redis-sessions'
import { onTestFinished } from 'vitest'
import { Commands } from '../../../src/compat/redis-sessions/connection.ts'
import { Keys } from '../../../src/compat/redis-sessions/keys.ts'
import { Records } from '../../../src/compat/redis-sessions/records.ts'
import { redisServers } from '../../support/redis.ts'

type Row = Record<string, string | number | boolean>
export interface Got {
  id: string
  r: number
  w: number
  ttl: number
  idle: number
  ip: string
  d?: Row
  no_resave?: boolean
}
type Options = Record<string, unknown>

/** Promises, `dt` for seconds, null where there is no session. */
export interface Engine {
  create(options: Options): Promise<{ token: string }>
  get(options: Options): Promise<Got | null>
  set(options: Options): Promise<Got | null>
  kill(options: Options): Promise<{ kill: number }>
  killall(options: Options): Promise<{ kill: number }>
  killsoid(options: Options): Promise<{ kill: number }>
  activity(options: Options): Promise<{ activity: number }>
  soapp(options: Options): Promise<{ sessions: Got[] }>
  soid(options: Options): Promise<{ sessions: Got[] }>
  ping(): Promise<string>
  /** The removal of sessions that are over, which else a timer starts. */
  wipe(): Promise<void>
  quit(): Promise<void>
  /** Does something when the next command is answered, before the engine sees that. */
  afterReply(work: () => Promise<unknown>): void
}

type Raw = Record<string, (...args: unknown[]) => unknown>
export type OriginalClass = new (options: Options) => Raw

const require = createRequire(import.meta.url)
const besides = createRequire(require.resolve('connect-redis-sessions'))
export const RedisSessions2 = besides('redis-sessions') as OriginalClass
export const RedisSessions3 = require('redis-sessions3') as OriginalClass
export const RedisSessions4 = (require('redis-sessions') as { default: OriginalClass }).default

const METHODS = 'create get set kill killall killsoid activity soapp soid ping'.split(' ')

export interface EngineRow {
  readonly title: string
  /** On the single server, without a timer. */
  start(namespace: string, options?: Options): Engine
}

export const originals: readonly EngineRow[] = [
  { title: 'redis-sessions 2.1', start: (...args) => callbacks(RedisSessions2, ...args) },
  { title: 'redis-sessions 3.0', start: (...args) => callbacks(RedisSessions3, ...args) },
  { title: 'redis-sessions 4.0', start: (...args) => promises(...args) },
]

export const ours: EngineRow = {
  title: 'handstamp/compat/redis-sessions',
  start(namespace, options = {}) {
    const rs = startOurs(namespace, options)
    const client = rs.redis as { call(...args: unknown[]): Promise<unknown> }
    const commands = new Commands(rs.redis)
    const records = new Records(commands, new Keys(namespace), async () => undefined)
    return {
      ...(rs as unknown as Engine),
      wipe: () => records.wipe(),
      afterReply: (work) => holdReply(client, 'call', work),
    }
  },
}

export function startOurs(namespace: string, options: RedisSessionsOptions = {}): RedisSessions {
  const rs = new RedisSessions({ port: redisServers().single.port, namespace, wipe: 0, ...options })
  onTestFinished(() => rs.quit())
  return rs
}

function holdReply(client: object, command: string, work: () => Promise<unknown>): void {
  const target = client as Record<string, (...args: unknown[]) => Promise<unknown>>
  const native = target[command]
  target[command] = async (...args) => {
    if (native) target[command] = native
    const reply = await native?.apply(client, args)
    await work()
    return reply
  }
}

/** The same for clients that call back. */
function holdCallback(client: object, command: string, work: () => Promise<unknown>): void {
  const target = client as Raw
  const native = target[command]
  target[command] = (...args) => {
    if (native) target[command] = native
    const callback = args.pop() as (...reply: unknown[]) => void
    return native?.apply(client, [
      ...args,
      (...reply: unknown[]) => void work().then(() => callback(...reply)),
    ])
  }
}

function callbacks(Original: OriginalClass, namespace: string, options: Options = {}): Engine {
  const rs = new Original({ port: redisServers().single.port, namespace, wipe: 0, ...options })
  const call = (name: string) => (given?: unknown) =>
    new Promise((resolve, reject) => {
      const done = (error: unknown, result: unknown): void => {
        if (error) reject(error)
        else if (name === 'get' || name === 'set')
          resolve(Object.keys(result as object).length > 0 ? result : null)
        else resolve(result)
      }
      if (name === 'ping') rs[name]?.(done)
      else rs[name]?.(given, done)
    })
  const engine = Object.fromEntries(METHODS.map((name) => [name, call(name)]))
  const quit = async (): Promise<void> => void rs['quit']?.()
  onTestFinished(quit)
  const afterReply: Engine['afterReply'] = (work) => holdCallback(clientOf(rs), 'hmget', work)
  return { ...engine, wipe: () => settled(rs), quit, afterReply } as unknown as Engine
}

function promises(namespace: string, options: Options = {}): Engine {
  const rs = new RedisSessions4({
    port: redisServers().single.port,
    namespace,
    wipe: 0,
    ...options,
  })
  const call =
    (name: string) =>
    async (given: Options = {}) =>
      rs[name]?.('dt' in given ? { ...given, deltaTime: given['dt'] } : given)
  const engine = Object.fromEntries(METHODS.map((name) => [name, call(name)]))
  const quit = async (): Promise<void> => void (await rs['quit']?.())
  onTestFinished(quit)
  const afterReply: Engine['afterReply'] = (work) => holdReply(clientOf(rs), 'hmGet', work)
  return { ...engine, wipe: async () => rs['_wipe']?.(), quit, afterReply } as unknown as Engine
}

function clientOf(rs: Raw): object {
  return rs['redis'] as unknown as object
}

/** The originals of 2 and 3 do not say when a wipe is done; what they sent is, before what comes after. */
async function settled(rs: Raw): Promise<void> {
  rs['_wipe']?.()
  for (let round = 0; round < 5; round++) await new Promise((resolve) => rs['ping']?.(resolve))
}

/** A connection of the test's own. */
export function redis(): Redis {
  const client = new Redis(redisServers().single.port)
  onTestFinished(() => client.disconnect())
  return client
}

/** Every key of a namespace, with its content in comparable form. */
export async function contentOf(namespace: string): Promise<Record<string, unknown>> {
  const client = redis()
  const keys = (await client.keys(`${namespace}:*`)).toSorted()
  const entries = keys.map(async (key) => {
    const type = await client.type(key)
    if (type === 'hash') return [key, await client.hgetall(key)]
    if (type === 'set') return [key, (await client.smembers(key)).toSorted()]
    return [key, await client.zrange(key, '0', '-1', 'WITHSCORES')]
  })
  return Object.fromEntries(await Promise.all(entries)) as Record<string, unknown>
}

/** Redis' expiry of every key of a namespace, in seconds. */
export async function lifetimesOf(namespace: string): Promise<Record<string, number>> {
  const client = redis()
  const keys = (await client.keys(`${namespace}:*`)).toSorted()
  return Object.fromEntries(
    await Promise.all(keys.map(async (key) => [key, await client.ttl(key)])),
  ) as Record<string, number>
}
