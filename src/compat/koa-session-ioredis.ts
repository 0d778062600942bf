/** Where do the sessions of koa-generic-session and koa-session lie in Redis? Replaces koa-session-ioredis 1 and koa-redis 4. */
import { EventEmitter } from 'node:events'
import { milliseconds } from '../core/duration.ts'
import { HandstampError } from '../core/errors.ts'
import { driverOf } from '../redis/driver.ts'
import type { CallClient, Driver, RedisClient } from '../redis/driver.ts'
import { clientOf, selectDatabase, statusOf } from './koa-session-ioredis/client.ts'
import type { StoreClient } from './koa-session-ioredis/client.ts'
import { expiryOf } from './koa-session-ioredis/expiry.ts'
import type {
  Asker,
  RedisStoreEvents,
  RedisStoreOptions,
  SetOptions,
} from './koa-session-ioredis/options.ts'

const FORWARDED = ['connect', 'ready', 'error', 'close', 'reconnecting', 'end', 'idle'] as const

/** What the middleware keeps: the user's data, and its own under `cookie` or `_expire`, `_maxAge`. */
export type StoredSession = Record<string, unknown>

/**
 * The store: a STRING of JSON under exactly the key that the middleware says, with an expiry.
 *
 * Its methods reject with a HandstampError of code ERR_STORE where Redis does; `cause` says how. What
 * becomes of the connection is told by the events of `RedisStoreEvents`.
 */
class RedisStore<Client extends RedisClient = CallClient> extends EventEmitter<RedisStoreEvents> {
  /** The client in use: the given one, its duplicate, or one of ioredis made for this store. */
  readonly client: Client
  readonly serialize: (session: object) => string
  readonly unserialize: (text: string) => unknown
  readonly #client: StoreClient
  readonly #driver: Driver
  readonly #defaultTtl: number
  /** The key that a session object, or the session of a request, was found under. */
  readonly #foundUnder = new WeakMap<object, string>()

  constructor(options: RedisStoreOptions<Client> = {}) {
    super()
    const { serialize, unserialize, db, defaultTtl = '1d' } = options
    this.serialize = typeof serialize === 'function' ? serialize : JSON.stringify
    this.unserialize = typeof unserialize === 'function' ? unserialize : JSON.parse
    this.#defaultTtl = milliseconds('defaultTtl', defaultTtl)
    const client = clientOf(options)
    this.client = client as unknown as Client
    this.#client = client
    this.#driver = driverOf(client, true)
    for (const event of FORWARDED) client.on(event, (...values) => this.#tell(event, ...values))
    client.on('end', () => this.#tell('disconnect'))
    if (db) selectDatabase(client, Number(db), (error) => this.#tell('error', failure(error)))
  }

  /** As it is now: `wait`, `connecting`, `connect`, `ready`, `reconnecting`, `close`, `end`. */
  get status(): string {
    return statusOf(this.#client)
  }

  /** Whether there is a connection: `status` is `connect` or `ready`. */
  get connected(): boolean {
    return ['connect', 'ready'].includes(this.status)
  }

  /**
   * The session under this key; null if there is none, undefined if it cannot be read (an `error` event
   * tells of it). The second argument, in koa-session the `maxAge`, is not needed.
   */
  async get(
    sid: string,
    _maxAge?: unknown,
    { ctx }: Asker = {},
  ): Promise<StoredSession | null | undefined> {
    const text = await this.#send(true, ['get', sid])
    if (!text) return null
    try {
      const session = await this.unserialize((text as string | Buffer).toString())
      for (const found of [session, ctx])
        if (typeof found === 'object' && found !== null) this.#foundUnder.set(found, sid)
      return session as StoredSession
    } catch {
      // Its message would quote the session.
      const message = 'A stored session could not be read: `unserialize` refuses its text.'
      this.#tell('error', new HandstampError('ERR_STORE', message))
      return undefined
    }
  }

  /**
   * Saves a session for `ttl` milliseconds, rounded up; without a usable number (none, 'session') for
   * `defaultTtl`. At 0 and below it has ended: the key is removed.
   *
   * A session that was loaded is updated: if it was destroyed meanwhile it stays so, and nothing is
   * written, which `false` says. A new one is created. Which of the two it is, see `SetOptions`.
   *
   * @example await store.set('koa:sess:1a2b', { views: 1 }, 30 * 60_000)
   */
  async set(
    sid: string,
    session: object,
    ttl?: unknown,
    { ctx, isNew = !this.#wasFound(sid, session, ctx) }: SetOptions = {},
  ): Promise<void> {
    const expiry = expiryOf(ttl, this.#defaultTtl)
    if (expiry === 0) return this.destroy(sid)
    const command = ['set', sid, this.serialize(session), 'px', String(expiry)] as const
    const reply = await this.#send(false, isNew ? command : [...command, 'xx'])
    // The types of koa-session know of no answer.
    if (reply === null) return false as unknown as undefined
  }

  /** Removes a session; no error if there is none. */
  async destroy(sid: string, { ctx }: Asker = {}): Promise<void> {
    // What this request saves from now on, it creates.
    if (ctx) this.#foundUnder.delete(ctx)
    await this.#send(false, ['del', sid])
  }

  /** Closes the client, also a given one, when what was sent is answered. */
  async quit(): Promise<void> {
    await (this.#client.quit ? this.#client.quit() : this.#client.close?.())
  }

  /** The same as `quit`. */
  end(): Promise<void> {
    return this.quit()
  }

  #wasFound(sid: string, session: object, ctx: object | undefined): boolean {
    return [session, ctx].some((found) => found && this.#foundUnder.get(found) === sid)
  }

  /** Lower case, as iovalkey adds its `keyPrefix` to keys of commands that it knows by this name. */
  async #send(
    isReadonly: boolean,
    command: readonly [Lowercase<string>, string, ...string[]],
  ): Promise<unknown> {
    try {
      return await this.#driver.send(command[1], isReadonly, command)
    } catch (error) {
      throw failure(error)
    }
  }

  /** An `error` that nobody listens to would end the process. */
  #tell(event: keyof RedisStoreEvents, ...values: unknown[]): void {
    if (event !== 'error' || this.listenerCount(event) > 0) this.emit(event, ...(values as [Error]))
  }
}

function failure(cause: unknown): HandstampError {
  return new HandstampError('ERR_STORE', 'The session store failed; `cause` says how.', { cause })
}

/** `More` is what goes to ioredis unread. */
export interface RedisStoreConstructor {
  new <Client extends RedisClient = CallClient, More extends object = Record<string, unknown>>(
    options?: More & RedisStoreOptions<Client>,
  ): RedisStore<Client>
  <Client extends RedisClient = CallClient, More extends object = Record<string, unknown>>(
    options?: More & RedisStoreOptions<Client>,
  ): RedisStore<Client>
  readonly prototype: RedisStore
}

/**
 * Makes a store, with `new` or without. Without a `client` it connects at once with ioredis, which is to
 * be installed. Throws ERR_OPTION for what is no client, for `db` on a Cluster, and without ioredis.
 *
 * @example
 * app.use(session({ store: redisStore({ host: 'localhost', defaultTtl: '30d' }) }))
 */
const redisStore = new Proxy(RedisStore, {
  apply: (Store, _self, [options]: [RedisStoreOptions<never>?]) => new Store(options),
}) as unknown as RedisStoreConstructor

export { redisStore as default, redisStore as 'module.exports' }
export type { RedisStore }
export type { Asker, RedisStoreEvents, RedisStoreOptions, SetOptions }
