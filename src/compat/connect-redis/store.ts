/** The store of sessions in Redis that express-session and @fastify/session mount. */
import { HandstampError, optionError } from '../../core/errors.ts'
import { portOf } from './client.ts'
import type { Port } from './client.ts'
import { watchConnection } from './connection.ts'
import { createClient } from './create-client.ts'
import type {
  Callback,
  ExpressStore,
  RedisStoreClass,
  RedisStoreOptions,
  Serializer,
  SessionRecord,
  Ttl,
} from './options.ts'
import { Origins } from './origin.ts'
import { presetSeconds, secondsToLive } from './ttl.ts'

/** The Store of an express-session, or EventEmitter where there is none. */
export type StoreBase = new () => ExpressStore

/** `argsOf` says what the application's ttl function gets: the majors differ. */
export function storeOver(
  Base: StoreBase,
  argsOf: (store: object, session: SessionRecord, sid: string) => unknown[],
): RedisStoreClass {
  return class RedisStore extends Base {
    readonly client: object
    prefix: string
    scanCount: number
    serializer: Serializer
    ttl: Ttl
    disableTTL: boolean
    disableTouch: boolean
    readonly #port: Port
    readonly #origins = new Origins()
    #generate: unknown
    #isBeingMounted = false

    constructor(options: RedisStoreOptions<never> = {}) {
      super()
      refuseWrong(options)
      this.prefix = options.prefix ?? 'sess:'
      this.scanCount = Number(options.scanCount) || 100
      this.serializer = options.serializer ?? JSON
      this.ttl = options.ttl || 86_400
      this.disableTTL = options.disableTTL ?? false
      this.disableTouch = options.disableTouch ?? false
      this.client = options.client ?? createClient(options)
      this.#port = portOf(this.client)
      watchConnection(this.client, this, options)
    }

    get(sid: string, callback?: Callback<never>): Promise<never> {
      return answer(this.#get(sid), callback)
    }

    set(sid: string, session: object, callback?: Callback<never>): Promise<never> {
      return answer(this.#set(sid, session as SessionRecord), callback)
    }

    touch(sid: string, session: object, callback?: Callback<never>): Promise<never> {
      return answer(this.#touch(sid, session as SessionRecord), callback)
    }

    destroy(sid: string | readonly string[], callback?: Callback<never>): Promise<never> {
      return answer(this.#destroy([sid].flat()), callback)
    }

    clear(callback?: Callback<never>): Promise<never> {
      return answer(this.#clear(), callback)
    }

    length(callback?: Callback<never>): Promise<never> {
      return answer(
        this.#ids().then((ids) => ids.length),
        callback,
      )
    }

    ids(callback?: Callback<never>): Promise<never> {
      return answer(this.#ids(), callback)
    }

    all(callback?: Callback<never>): Promise<never> {
      return answer(this.#all(), callback)
    }

    /** express-session makes its Session from what get() gave, and saves that instead. */
    override createSession<Session extends object = SessionRecord>(
      request: { sessionID?: string },
      record: object,
    ): Session {
      const session = super.createSession<Session>(request, record)
      const sid = request.sessionID ?? ''
      if (this.#origins.has(record, sid)) this.#origins.note(session, sid)
      return session
    }

    /** express-session assigns this when it mounts the store. */
    get generate(): unknown {
      return this.#generate
    }

    set generate(generate: unknown) {
      this.#generate = generate
      this.#isBeingMounted = true
      queueMicrotask(() => (this.#isBeingMounted = false))
    }

    /**
     * In the same breath express-session asks to be told of `disconnect`, to let every request of that
     * time through without a session: whatever a handler refuses because of what the session says, it
     * would then allow. It is not told, so that those requests get the error that get() ends with.
     */
    override on(event: string | symbol, listener: (...args: unknown[]) => void): this {
      if (event !== 'disconnect' || !this.#isBeingMounted) return super.on(event, listener)
      this.#isBeingMounted = false
      return this
    }

    async #get(sid: string): Promise<SessionRecord | null> {
      const text = await this.#port.send(['get', this.prefix + sid], true)
      const record = await this.#parse(text as string | null)
      this.#origins.lend(record, sid)
      return record as SessionRecord
    }

    async #set(sid: string, session: SessionRecord): Promise<null> {
      const key = this.prefix + sid
      const seconds = this.disableTTL ? undefined : this.#secondsToLive(sid, session)
      if (seconds !== undefined && seconds <= 0) return this.#destroy([sid])
      // No pause where there is nothing to wait for: a destroy() that comes next is sent next.
      const text = this.serializer.stringify(session)
      const reply = await this.#port.send([
        'set',
        key,
        storable(isPromise(text) ? await text : text),
        ...(this.#origins.has(session, sid) ? ['XX'] : []),
        ...(seconds === undefined ? [] : ['EX', String(seconds)]),
      ])
      if (reply === null) this.emit('dropped')
      else this.#origins.note(session, sid)
      return null
    }

    async #touch(sid: string, session: SessionRecord): Promise<null> {
      if (this.disableTouch || this.disableTTL) return null
      const seconds = this.#secondsToLive(sid, session)
      await this.#port.send(['expire', this.prefix + sid, String(seconds)])
      return null
    }

    async #destroy(sids: readonly string[]): Promise<null> {
      await Promise.all(sids.map((sid) => this.#port.send(['del', this.prefix + sid])))
      return null
    }

    async #clear(): Promise<null> {
      for await (const keys of this.#pages()) await this.#forEach('unlink', keys)
      return null
    }

    async #ids(): Promise<string[]> {
      // SCAN may give a key more than once.
      const ids = new Set<string>()
      for await (const keys of this.#pages())
        for (const key of keys) ids.add(key.slice(this.prefix.length))
      return [...ids]
    }

    async #all(): Promise<SessionRecord[]> {
      const found = new Map<string, SessionRecord>()
      for await (const keys of this.#pages()) {
        const texts = (await this.#forEach('mget', keys)).flat() as (string | null)[]
        const records = await Promise.all(texts.map((text) => this.#parse(text).catch(() => null)))
        for (const [at, record] of records.entries()) {
          if (typeof record !== 'object' || record === null) continue
          const id = keys[at]?.slice(this.prefix.length) ?? ''
          found.set(id, Object.assign(record as SessionRecord, { id }))
          this.#origins.note(record, id)
        }
      }
      return [...found.values()]
    }

    async #parse(text: string | null): Promise<unknown> {
      if (!text) return null
      try {
        return await this.serializer.parse(text)
      } catch (error) {
        // Its message quotes the record.
        throw error instanceof SyntaxError ? unreadableError() : error
      }
    }

    #secondsToLive(sid: string, session: SessionRecord): number {
      const { ttl } = this
      const given: unknown =
        typeof ttl === 'function'
          ? Reflect.apply(ttl, undefined, argsOf(this, session, sid))
          : undefined
      return secondsToLive(given, session.cookie, ttl, Date.now())
    }

    /** All keys that begin with the prefix, in portions, from all masters. */
    async *#pages(): AsyncGenerator<string[]> {
      const { keyPrefix, masters } = this.#port
      const start = keyPrefix + this.prefix
      // What is a wildcard to SCAN may be a plain character of the prefix.
      const pattern = `${start.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
      for (const send of await masters(this.prefix)) {
        let cursor = '0'
        do {
          const args = ['MATCH', pattern, 'COUNT', String(this.scanCount)]
          const [next, keys] = (await send(['scan', cursor, ...args])) as [string, string[]]
          yield keys.map((key) => key.slice(keyPrefix.length))
          cursor = next
        } while (cursor !== '0')
      }
    }

    /** One command for many keys, or one for each on a Cluster. */
    #forEach(command: 'mget' | 'unlink', keys: string[]): Promise<unknown[]> {
      const groups = this.#port.isCluster ? keys.map((key) => [key]) : [keys]
      return Promise.all(
        groups
          .filter((group) => group.length > 0)
          .map((group) => this.#port.send([command, ...group], command === 'mget')),
      )
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** Clients take a Buffer for an argument, too. All else they refuse, or store as `undefined` or `[object …]`. */
function storable(text: unknown): string {
  if (typeof text === 'string' || Buffer.isBuffer(text)) return text as string
  throw optionError(
    'The serializer of RedisStore has to return a string or a Buffer from stringify, or a promise of one; nothing was saved.',
  )
}

/**
 * As a promise, or through the callback: once, and outside of what is watched for errors, so that an
 * error of the callback is not taken for one of Redis.
 */
function answer(work: Promise<unknown>, callback?: Callback<never>): Promise<never> {
  if (typeof callback !== 'function') {
    // `session.destroy()` of express-session leaves the promise alone; whoever awaits it hears of the error.
    work.catch(() => undefined)
    return work as Promise<never>
  }
  return work
    .then(
      (value) => [null, value] as const,
      (error: unknown) => [error, null] as const,
    )
    .then(([error, value]) => callback(error, value as never)) as Promise<never>
}

function refuseWrong(options: RedisStoreOptions<never>): void {
  const { client, ttl, pass, db, scanCount } = options
  if ('client' in options && !client) throw optionError('The option client of RedisStore is empty.')
  if (client && typeof client !== 'object' && typeof client !== 'function')
    throw optionError('The option client of RedisStore is not a client of Redis.')
  const count = Number(scanCount) || 100
  if (!Number.isSafeInteger(count) || count < 1)
    throw optionError('The option scanCount of RedisStore is a whole number above 0.')
  if (client && (pass !== undefined || db !== undefined))
    throw optionError(
      'pass and db would change the connection under everyone who uses the client: give them to the client instead.',
    )
  if (ttl && typeof ttl !== 'function' && presetSeconds(ttl) === undefined)
    throw optionError('The option ttl of RedisStore is a number of seconds above 0, or a function.')
}

function unreadableError(): HandstampError {
  return new HandstampError(
    'ERR_STORE',
    'The record of a session could not be parsed: it is damaged, or of another serializer.',
  )
}
