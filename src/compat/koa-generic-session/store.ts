/** The session store as the context shows it: any store object, by bare session id. */
import { EventEmitter } from 'node:events'
import { HandstampError } from '../../core/errors.ts'
import type { Session } from './session.ts'
import { settle } from './settle.ts'

/** Whether the session begins with this write; false: it was loaded in this request. */
export interface Write {
  readonly isNew: boolean
}

/**
 * What a store must have. Each method gives a value, a promise, a thunk or a generator. A store that
 * emits `disconnect` and `connect` makes requests wait in between.
 */
export interface StoreClient {
  /** The session, or nothing (null, undefined, an error with the code ENOENT). */
  get(key: string): unknown
  /**
   * `ttl` in milliseconds. Where `isNew` is false, write only if the key is still there, and give
   * false if it is not: the session was destroyed meanwhile.
   */
  set(key: string, session: object, ttl: number, write?: Write): unknown
  destroy(key: string): unknown
  /** A store that has this tells a session that it cannot read (undefined) from none (null). */
  readonly unserialize?: unknown
  on?(event: 'connect' | 'disconnect', listener: () => void): unknown
}

export interface StoreOptions {
  readonly prefix?: string | undefined
  readonly ttl?: number | ((session: Session) => number | undefined | null) | null | undefined
}

/** For sessions whose cookie ends with the browser, of which the server never hears. */
const DAY = 24 * 60 * 60 * 1000

/** `ctx.sessionStore`. Emits `connect` and `disconnect` of the store object. */
export class SessionStore extends EventEmitter {
  readonly client: StoreClient
  readonly #prefix: string
  readonly #ttl: StoreOptions['ttl']

  constructor(client: StoreClient, { prefix = 'koa:sess:', ttl }: StoreOptions) {
    super()
    this.client = client
    this.#prefix = prefix
    this.#ttl = ttl
    for (const event of ['connect', 'disconnect'] as const)
      client.on?.(event, () => this.emit(event))
  }

  async get(sid: string): Promise<Session | null> {
    const found = await settle(this.client.get(this.#prefix + sid))
    const isUnreadable = found === undefined && this.client.unserialize !== undefined
    if (isUnreadable || (found && typeof found !== 'object'))
      throw new HandstampError('ERR_STORE', 'What is stored for this session cannot be read.')
    if (!found) return null
    const session = found as Session
    const expires: unknown = session.cookie?.expires
    if (typeof expires === 'string') session.cookie.expires = new Date(expires)
    return session
  }

  /** False where a session that was loaded was destroyed meanwhile, if the store can tell. */
  async set(sid: string, session: Session, write?: Write): Promise<boolean> {
    const ttl = lifetime(session, this.#ttl)
    return (await settle(this.client.set(this.#prefix + sid, session, ttl, write))) !== false
  }

  async destroy(sid: string): Promise<void> {
    await settle(this.client.destroy(this.#prefix + sid))
  }
}

/**
 * Whole milliseconds, at least one: stores take zero and less for "never ends". An ended session is
 * written with the shortest life.
 */
function lifetime(session: Session, option: StoreOptions['ttl']): number {
  const asked = typeof option === 'function' ? option(session) : option
  return Math.max(1, Math.ceil(asked || cookieLifetime(session.cookie) || DAY))
}

function cookieLifetime(cookie: Session['cookie'] | undefined): number | undefined {
  if (cookie?.expires) return cookie.expires.getTime() - Date.now() || -1
  return typeof cookie?.maxAge === 'number' ? cookie.maxAge : undefined
}
