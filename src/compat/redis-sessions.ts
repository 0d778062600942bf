/**
 * The drop-in for redis-sessions: one class for its callbacks of 2.1 and 3, and its promises of 4, on
 * the same records in Redis.
 */
import { EventEmitter } from 'node:events'
import type { RedisClient } from '../redis/driver.ts'
import type {
  AppOf,
  CreateOptions,
  DeltaOf,
  Found,
  GetOptions,
  IdOf,
  Killed,
  SetOptions,
  TokenOf,
} from './redis-sessions/arguments.ts'
import { SessionCache } from './redis-sessions/cache.ts'
import { withCallback } from './redis-sessions/callback.ts'
import type { Callback } from './redis-sessions/callback.ts'
import { closeClient, Commands, openClient, watch } from './redis-sessions/connection.ts'
import type { ClientOptions } from './redis-sessions/connection.ts'
import { Keys } from './redis-sessions/keys.ts'
import { merged, textOfData } from './redis-sessions/record.ts'
import type { Session } from './redis-sessions/record.ts'
import { Records } from './redis-sessions/records.ts'
import { dataOf, deltaOf, textOf, ttlOf } from './redis-sessions/validate.ts'
import type { Data } from './redis-sessions/validate.ts'

export type { CreateOptions, Found, GetOptions, SetOptions } from './redis-sessions/arguments.ts'
export type { Callback } from './redis-sessions/callback.ts'
export type { ClientOptions } from './redis-sessions/connection.ts'
export type { Session } from './redis-sessions/record.ts'
export type { Data, ValidationError } from './redis-sessions/validate.ts'

export interface RedisSessionsOptions {
  /** Default 6379. */
  readonly port?: number
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** More settings of the client, `url` among them. */
  readonly options?: ClientOptions
  /** Starts every key. Default `rs`. */
  readonly namespace?: string
  /** Seconds between removals of sessions that are over, at least 10. Default 600; 0: no timer. */
  readonly wipe?: number
  /** Your own client instead: ioredis, iovalkey, node-redis 5 or later. Then there is no cache. */
  readonly client?: RedisClient
  /** Seconds for which `get` answers from memory, without counting or sliding. Default 0: not at all. */
  readonly cachetime?: number
  /** Most sessions in that memory. Default 5000. */
  readonly cachemax?: number
}

/** A timer of more milliseconds runs at once, over and over. */
const LONGEST_ROUND = 2 ** 31 - 1

const METHODS = 'activity create get kill killall killsoid ping quit set soapp soid'.split(' ')

/**
 * Sessions of users by app, in Redis. Each method returns a promise, and takes a callback last.
 *
 * Rejects with an error named `missingParameter`, `invalidFormat` or `invalidValue` for wrong arguments;
 * with code ERR_STORE or ERR_STORE_TIMEOUT where Redis fails, or has not answered for 5 seconds. Redis
 * being away never ends the process. Emits `connect` and `disconnect`; `error` only to who listens.
 *
 * @example
 * const rs = new RedisSessions()
 * const { token } = await rs.create({ app: 'forum', id: 'ada', ip: '192.0.2.7', ttl: 3600 })
 * const session = await rs.get({ app: 'forum', token })
 */
export class RedisSessions<D extends Data = Data> extends EventEmitter {
  /** What `require('redis-sessions').default` was in version 4. */
  static get default(): typeof RedisSessions {
    return RedisSessions
  }

  /** The client. */
  readonly redis: RedisClient
  connected: boolean
  readonly #keys: Keys
  readonly #commands: Commands
  readonly #records: Records
  readonly #cache: SessionCache | undefined
  readonly #wiper: NodeJS.Timeout | undefined

  /** Throws ERR_OPTION where there is no client, or none that is supported. */
  constructor(options: RedisSessionsOptions = {}) {
    super()
    const { client, namespace = 'rs', cachetime, cachemax, wipe = 600 } = options
    this.redis = client ?? openClient(options)
    this.#keys = new Keys(namespace || 'rs', client ? '' : options.options?.prefix)
    this.#commands = new Commands(this.redis)
    this.#records = new Records(this.#commands, this.#keys, (app, token) => this.#drop(app, token))
    this.connected = watch(
      this.redis,
      (isUp) => {
        this.connected = isUp
        this.emit(isUp ? 'connect' : 'disconnect')
      },
      (error) => this.listenerCount('error') > 0 && this.emit('error', error),
    )
    const seconds = Number.parseInt(String(cachetime), 10)
    if (seconds > 0 && client) {
      console.warn('redis-sessions: with the option client there is no cache (cachetime).')
    } else if (seconds > 0) {
      const max = cachemax && cachemax > 0 ? cachemax : 5000
      this.#cache = new SessionCache(this.#commands.driver, this.#keys.channel, seconds, max)
    }
    if (wipe !== 0) {
      const round = (): void => void this.#records.wipe().catch(() => undefined)
      this.#wiper = setInterval(
        round,
        Math.min(Math.max(wipe || 600, 10) * 1000, LONGEST_ROUND),
      ).unref()
    }
    // They could be passed on as they are: `promisify(rs.get)`.
    const own = this as unknown as Record<string, (...args: unknown[]) => unknown>
    for (const name of METHODS) own[name] = own[name]?.bind(this) as () => unknown
  }

  /** Creates a session; resolves to its token. */
  create(
    options: CreateOptions<D>,
    callback?: Callback<{ token: string }>,
  ): Promise<{ token: string }> {
    const creating = async (): Promise<{ token: string }> => {
      const app = textOf(options, 'app')
      const id = textOf(options, 'id')
      const ip = textOf(options, 'ip')
      const ttl = ttlOf(options.ttl)
      const d = textOfData(options.d ? merged({}, dataOf(options.d)) : {})
      const isFixed = options.no_resave === true
      return { token: await this.#records.create(app, { id, ip, ttl, d, isFixed }) }
    }
    return withCallback(creating(), callback)
  }

  /** The session as it was found; counts the use, and slides its end. */
  get(options: GetOptions): Promise<Session<D> | null>
  get(options: GetOptions, callback: Callback<Found<D>>): Promise<Found<D>>
  get(options: GetOptions, callback?: Callback<Found<D>>): Promise<Found<D> | null> {
    const getting = async (): Promise<Session | null> => {
      const app = textOf(options, 'app')
      const token = textOf(options, 'token')
      const { _noupdate: isUnseen, _nocache: isFresh } = options
      const read = async (): Promise<Session | null> =>
        (await this.#records[isUnseen ? 'peek' : 'read'](app, token)) ?? null
      if (!this.#cache || isFresh || isUnseen) return read()
      return this.#cache.read(`${app}:${token}`, read)
    }
    return found(getting(), callback)
  }

  /** Changes data; resolves to the session with them. Never brings back a session that has ended. */
  set(options: SetOptions<D>): Promise<Session<D> | null>
  set(options: SetOptions<D>, callback: Callback<Found<D>>): Promise<Found<D>>
  set(options: SetOptions<D>, callback?: Callback<Found<D>>): Promise<Found<D> | null> {
    const setting = async (): Promise<Session | null> => {
      const app = textOf(options, 'app')
      const token = textOf(options, 'token')
      const session = await this.#records.change(app, token, dataOf(options.d))
      if (session) await this.#drop(app, token)
      return session ?? null
    }
    return found(setting(), callback)
  }

  /** Ends a session; resolves to how many there were: 1, or 0. */
  kill(options: TokenOf, callback?: Callback<Killed>): Promise<Killed> {
    const killing = async (): Promise<Killed> => {
      const app = textOf(options, 'app')
      const isEnded = await this.#records.end(app, textOf(options, 'token'))
      return { kill: isEnded ? 1 : 0 }
    }
    return withCallback(killing(), callback)
  }

  /** Ends all sessions of an app. */
  killall(options: AppOf, callback?: Callback<Killed>): Promise<Killed> {
    const killing = async (): Promise<Killed> => {
      return { kill: await this.#records.endAllIn(textOf(options, 'app')) }
    }
    return withCallback(killing(), callback)
  }

  /** Ends all sessions of a user within an app. */
  killsoid(options: IdOf, callback?: Callback<Killed>): Promise<Killed> {
    const killing = async (): Promise<Killed> => {
      return { kill: await this.#records.endAllOf(textOf(options, 'app'), textOf(options, 'id')) }
    }
    return withCallback(killing(), callback)
  }

  /** How many users have used a session of an app lately. */
  activity(
    options: DeltaOf,
    callback?: Callback<{ activity: number }>,
  ): Promise<{ activity: number }> {
    const counting = async (): Promise<{ activity: number }> => {
      const app = textOf(options, 'app')
      return { activity: await this.#records.usersIn(app, deltaOf(options, !callback)) }
    }
    return withCallback(counting(), callback)
  }

  /** The sessions of an app that were used lately, the last one first. */
  soapp(
    options: DeltaOf,
    callback?: Callback<{ sessions: Session<D>[] }>,
  ): Promise<{ sessions: Session<D>[] }> {
    const listing = async (): Promise<{ sessions: Session<D>[] }> => {
      const app = textOf(options, 'app')
      const sessions = await this.#records.usedIn(app, deltaOf(options, !callback))
      return { sessions: sessions as Session<D>[] }
    }
    return withCallback(listing(), callback)
  }

  /** The sessions of a user within an app. */
  soid(
    options: IdOf,
    callback?: Callback<{ sessions: Session<D>[] }>,
  ): Promise<{ sessions: Session<D>[] }> {
    const listing = async (): Promise<{ sessions: Session<D>[] }> => {
      const sessions = await this.#records.of(textOf(options, 'app'), textOf(options, 'id'))
      return { sessions: sessions as Session<D>[] }
    }
    return withCallback(listing(), callback)
  }

  /** Resolves to `PONG`. */
  ping(callback?: Callback<string>): Promise<string> {
    const pinging = this.#commands.send(this.#keys.all, 'PING') as Promise<string>
    return withCallback(pinging, callback)
  }

  /** Ends the timer and all connections, also that of the option `client`. */
  quit(callback?: Callback<void>): Promise<void> {
    clearInterval(this.#wiper)
    const closing = Promise.all([this.#cache?.close(), closeClient(this.redis)])
    return withCallback(
      closing.then(() => undefined),
      callback,
    )
  }

  /** Out of all caches. Processes without one speak too, since others may have one. */
  async #drop(app: string, token: string): Promise<void> {
    const { channel } = this.#keys
    this.#cache?.drop(`${app}:${token}`)
    const telling = this.#commands.send(channel, 'PUBLISH', channel, `${app}:${token}`)
    // Where nobody here asks for a cache, the server may forbid the channel.
    await (this.#cache ? telling : telling.catch(() => undefined))
  }
}

/** Callbacks were given an empty object where there is no session. */
function found<D extends Data>(
  finding: Promise<Session | null>,
  callback: Callback<Found<D>> | undefined,
): Promise<Found<D> | null> {
  const session = finding as Promise<Session<D> | null>
  if (!callback) return withCallback(session, undefined)
  const orEmpty = session.then((value) => value ?? {})
  return withCallback<Found<D>>(orEmpty, callback)
}

export { RedisSessions as default, RedisSessions as 'module.exports' }
