/** The session of one request, as `ctx.session`: methods that read and write the hash, and keep the cookie in step. */
import { headSentError, optionError } from '../../core/errors.ts'
import { textsOf } from './fields.ts'
import type { Fields, FieldValue } from './fields.ts'
import { lifetimeOf, msOf } from './max-age.ts'
import type { MaxAge } from './max-age.ts'
import type { Replies, Store, StoreOptions } from './store.ts'
import type { Tokens, TokensOptions } from './tokens.ts'

/** Options of the middleware. Those of cookies (`domain`, `path`, `secure`, `sameSite` …) go to Koa's `ctx.cookies` as they are. */
export interface SessionOptions extends StoreOptions, TokensOptions {
  /** The name of the cookie. Default `session-id`. */
  readonly key?: string | undefined
  /** Default true. */
  readonly httpOnly?: boolean | undefined
  /** Signs the cookie with `app.keys`. Default true. */
  readonly signed?: boolean | undefined
  readonly domain?: string | undefined
  readonly path?: string | undefined
  readonly secure?: boolean | undefined
  readonly sameSite?: 'strict' | 'lax' | 'none' | boolean | undefined
  readonly priority?: 'low' | 'medium' | 'high' | undefined
  readonly partitioned?: boolean | undefined
}

/** What a session needs of Koa's context. */
export interface SessionContext {
  readonly cookies: {
    get(name: string, options?: { signed: boolean }): string | undefined
    set(name: string, value?: string | null, options?: object): unknown
  }
  readonly headerSent: boolean
}

/** What is taken of a session where a CSRF token is made or verified: the object that `get` returned. */
export interface SecretHolder {
  _csrf_secret?: string | null
}

const SECRET = '_csrf_secret'

/**
 * Nothing happens before a method is called, and reading creates nothing. Calls of one request are
 * carried out one after the other.
 *
 * Methods reject with ERR_STORE and ERR_STORE_TIMEOUT where Redis fails.
 *
 * @example
 * await ctx.session.set({ user_id: 1 })
 * const { user_id } = await ctx.session.get()
 */
export class Session {
  readonly #ctx: SessionContext
  readonly #store: Store
  readonly #tokens: Tokens
  readonly #options: SessionOptions
  /** The id as it is now; undefined before it is asked for the first time. */
  #id: string | undefined
  /** The id was made in this request, and nothing is stored under it. */
  #isNew = false
  /** This request has seen the session in Redis. */
  #isKnown = false
  #ignoresCookie = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(ctx: SessionContext, store: Store, tokens: Tokens, options: SessionOptions) {
    this.#ctx = ctx
    this.#store = store
    this.#tokens = tokens
    this.#options = options
  }

  /** The key of the session's hash. */
  getKey(): string {
    return this.#store.getSessionKey(this.#sessionId())
  }

  /**
   * All fields, `{}` where there is no session; or the fields asked for and `id`, null for each that is
   * not there. Asking for `_csrf_secret` by name creates the secret, and the session if need be.
   */
  get(): Promise<Fields>
  get<Field extends string>(fields: readonly Field[]): Promise<Record<Field | 'id', string | null>>
  get(fields?: readonly string[] | null): Promise<Record<string, string | null>> {
    return this.#inTurn(async () => {
      if (fields && !Array.isArray(fields))
        throw optionError('session.get(fields) takes a list of names.')
      const names = fields && [...new Set([...fields, 'id'])]
      const session = await this.#read(names)
      if (!names?.includes(SECRET) || session[SECRET]) return session
      const secret = await this.#secret()
      return { ...(await this.#read(names)), [SECRET]: secret }
    })
  }

  /**
   * Writes fields, and creates a session with a new id where the visitor has none. null, and nothing
   * done, where this request knew the session and it was deleted meanwhile. Otherwise see `Store.set`.
   *
   * Rejects with ERR_NOT_SERIALISABLE, and with ERR_HEAD_SENT where the response has left, so that the
   * visitor cannot be told the new id.
   */
  set(values: Readonly<Record<string, FieldValue>>, maxAge?: MaxAge): Promise<Replies | null> {
    return this.#inTurn(async () => {
      const texts = textsOf(values)
      const id = this.#sessionId()
      if (this.#isNew) return this.#create(texts, maxAge)
      const replies = await this.#store.update(id, texts, maxAge)
      if (replies) this.#renewCookie(maxAge)
      if (replies || this.#isKnown) return replies
      // Expired, or an id that nobody issued: never adopted.
      this.#leave()
      return this.#create(texts, maxAge)
    })
  }

  /** Removes fields; see `Store.unset`. */
  unset(fields: readonly string[], maxAge?: MaxAge): Promise<Replies> {
    return this.#inTurn(async () => {
      const id = this.#sessionId()
      const replies = await this.#store.unset(id, fields, maxAge)
      this.#renewCookie(maxAge, replies[1]?.[1] === 1)
      return replies
    })
  }

  /** Starts the lifetime of session and cookie anew; 1, or 0 where there is no session. */
  touch(maxAge?: MaxAge): Promise<number> {
    return this.#inTurn(async () => {
      const id = this.#sessionId()
      const touched = await this.#store.touch(id, maxAge)
      this.#renewCookie(maxAge, touched === 1)
      return touched
    })
  }

  /** Removes the session and clears the cookie. What is written afterwards becomes a new session with a new id. */
  delete(): Promise<Replies> {
    return this.#inTurn(async () => {
      const replies = await this.#store.delete(this.#sessionId())
      this.#setCookie('')
      this.#leave()
      return replies
    })
  }

  /**
   * A CSRF token, another one at each call; all hold until the session ends. Creates the secret where
   * the session has none, and the session if need be. With what `get` returned it spares a read.
   */
  createCSRFToken(session?: SecretHolder | null): Promise<string> {
    return this.#inTurn(async () => {
      const secret = session?.[SECRET] || (await this.#secret())
      if (session) session[SECRET] = secret
      return this.#tokens.create(secret)
    })
  }

  /** Whether this is a token of this session. False for whatever is no token, and where there is no session. */
  verifyCSRFToken(token: unknown): Promise<boolean>
  verifyCSRFToken(session: SecretHolder | null | undefined, token: unknown): Promise<boolean>
  verifyCSRFToken(sessionOrToken: unknown, second?: unknown): Promise<boolean> {
    const [session, token] =
      typeof sessionOrToken === 'string' ? [null, sessionOrToken] : [sessionOrToken, second]
    return this.#inTurn(async () => {
      if (typeof token !== 'string') return false
      const secret =
        (session as SecretHolder | null)?.[SECRET] || (await this.#read([SECRET]))[SECRET]
      return typeof secret === 'string' && this.#tokens.verify(secret, token)
    })
  }

  /** From the cookie, or a new one. */
  #sessionId(): string {
    const { key = 'session-id', signed = true } = this.#options
    if (this.#id === undefined) {
      const fromCookie = this.#ignoresCookie ? undefined : this.#ctx.cookies.get(key, { signed })
      this.#isNew = !fromCookie
      this.#id = fromCookie || this.#store.createSessionId()
    }
    return this.#id
  }

  async #read(fields?: readonly string[] | null): Promise<Record<string, string | null>> {
    const id = this.#sessionId()
    if (this.#isNew) return Object.fromEntries((fields ?? []).map((field) => [field, null]))
    const session = await this.#store.get(id, fields)
    this.#isKnown ||= Object.values(session).some((value) => value !== null)
    return session
  }

  async #create(values: Readonly<Record<string, FieldValue>>, maxAge: MaxAge): Promise<Replies> {
    if (this.#ctx.headerSent) throw headSentError()
    // Before the write: without keys, or for a secure cookie over http, it throws, and nothing is left behind.
    const id = this.#sessionId()
    this.#setCookie(id, maxAge)
    const replies = await this.#store.set(id, values, maxAge)
    this.#isNew = false
    this.#isKnown = true
    return replies
  }

  async #secret(): Promise<string> {
    const { [SECRET]: stored } = await this.#read([SECRET])
    if (stored) return stored
    const fresh = this.#tokens.secretSync()
    if (!this.#isNew) {
      const kept = await this.#store.setOnce(this.#sessionId(), SECRET, fresh)
      if (kept !== null) this.#renewCookie(undefined)
      // Deleted meanwhile: a token that holds nowhere is better than the session coming back.
      if (kept !== null || this.#isKnown) return kept ?? fresh
      this.#leave()
    }
    await this.#create({ [SECRET]: fresh }, undefined)
    return fresh
  }

  /**
   * The cookie lives as long as the key. A visitor without a cookie gets one even where there is no
   * session, as from the original; an id that stands for nothing is not renewed.
   */
  #renewCookie(maxAge: MaxAge, isLive = true): void {
    this.#isKnown ||= isLive
    if (isLive || this.#isNew) this.#setCookie(this.#sessionId(), maxAge)
  }

  #setCookie(value: string, maxAge?: MaxAge): void {
    if (this.#ctx.headerSent) return
    const { key = 'session-id', maxAge: configured } = this.#options
    const lifetime = maxAge ? lifetimeOf(msOf(maxAge)) : configured && this.#store.maxAge
    this.#ctx.cookies.set(key, value, { ...this.#options, maxAge: lifetime })
  }

  /** From here on there is no session, whatever the cookie of the request says. */
  #leave(): void {
    this.#id = undefined
    this.#isKnown = false
    this.#ignoresCookie = true
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}
