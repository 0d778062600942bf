/** The session as its user sees it: plain data, metadata apart from them, and verbs. */
import type { CsrfVerbs } from './csrf.ts'
import type { Device } from './device.ts'
import type { Duration } from './duration.ts'
import type { Handle, SessionId } from './id.ts'
import type { ReservedName } from './reserved.ts'

/** Called once, with an error or with nothing; what it throws is an uncaught exception of the caller's. */
export type Callback = (error?: unknown) => void

/** What is known about a session apart from its data. */
export interface SessionMeta {
  /** The secret in the client's cookie; undefined until the session is first saved. Never log it. */
  readonly id: SessionId | undefined
  /** The public name of the session, safe to log and to show; undefined until first saved. */
  readonly handle: Handle | undefined
  readonly createdAt: Date
  readonly lastSeenAt: Date
  /** The earlier of the idle and the absolute limit. */
  readonly expiresAt: Date
  /** When it ends without another request, and when it ends whatever happens. */
  readonly idleDeadline: Date
  readonly absoluteDeadline: Date
  /** Whether the cookie outlives the browser. */
  readonly persistent: boolean
  /** Nothing is stored yet. */
  readonly isNew: boolean
  /**
   * The store could not be asked, and `onStoreFailure` let the request go on: this is the session as
   * it was last known here, or an empty one that cannot be written.
   */
  readonly isStale: boolean
  /** Who signed in; undefined for an anonymous session. */
  readonly userId: string | undefined
  /** When the user last proved who they are (`signIn`, `reauthenticate`); undefined too where another package knew. */
  readonly signedInAt: Date | undefined
  readonly device: Device | undefined
}

export interface LifetimeOptions {
  /** Ends the session after this long without a request. */
  readonly idleTimeout?: Duration
  /** Ends the session this long after its creation, whatever happens. */
  readonly absoluteTimeout?: Duration
  /** Whether the cookie outlives the browser ("remember me"). */
  readonly persistent?: boolean
}

export interface RegenerateOptions {
  /** Carry the data over (default false: the new session is empty). */
  readonly keepData?: boolean
  /**
   * How long the old id still answers for the new session, at most 30 s (default 0: not at all), so
   * that requests already under way keep working. Never give one where rights change: whoever knows
   * the old id would gain them (session fixation, RFC 6265bis section 8.4).
   */
  readonly grace?: Duration
}

export interface SignInOptions extends LifetimeOptions {
  /** Carry the data of the anonymous session over (default true). */
  readonly keepData?: boolean
}

/** The verbs of a session. Each takes a callback last, for code in the habits of Express. */
export interface SessionVerbs<Data extends object> extends CsrfVerbs {
  readonly meta: SessionMeta

  /**
   * Saves now instead of at the end of the request, even an empty new session. Throws
   * ERR_SESSION_GONE, ERR_CONFLICT, ERR_TOO_LARGE, ERR_NOT_SERIALISABLE, ERR_RESERVED_NAME, ERR_STORE*.
   *
   * @example
   * req.session.step = 2
   * await req.session.save()
   */
  save(callback?: Callback): Promise<void>

  /** Reads the session anew; changes not yet saved are lost. Throws ERR_SESSION_GONE. */
  reload(callback?: Callback): Promise<void>

  /** Moves the idle limit now; the throttled touch of every request makes this rarely necessary. */
  touch(callback?: Callback): Promise<void>

  /** Nothing is saved at the end of this request, the touch included: for polling that must not keep a session alive. */
  discard(): void

  /**
   * Gives the session a new id; the old one ends in the same step as the new one is saved (at the end
   * of the request, or with `save()`). Call it wherever rights change (OWASP ASVS 5.0, 7.2.4).
   * Throws ERR_SESSION_GONE where a parallel request was first.
   *
   * With a callback `req.session` becomes a new object, as in express-session; with a promise the
   * object you hold stays the session.
   *
   * @example
   * await session.regenerate({ keepData: true })
   * session.userId = user.id
   */
  regenerate(options?: RegenerateOptions, callback?: Callback): Promise<void>
  regenerate(callback: Callback): Promise<void>

  /** Ends the session now, for good, and clears the cookie. The same as assigning null, at once. */
  destroy(callback?: Callback): Promise<void>

  /**
   * Makes this the session of a user, now: under a new id, with the data, in the user's index, with
   * `maxSessionsPerUser` held, all in one step; the anonymous session ends. The limits count from
   * now. The only way to give a session a user (OWASP ASVS 5.0, 7.2.4).
   *
   * Throws ERR_USER_ID, ERR_SESSION_LIMIT (policy `reject`), ERR_SESSION_GONE, ERR_HEAD_SENT, ERR_STORE*.
   *
   * @example
   * await session.signIn(user.id, { persistent: form.remember, idleTimeout: '30d', absoluteTimeout: '90d' })
   */
  signIn(userId: string, options?: SignInOptions, callback?: Callback): Promise<void>
  signIn(userId: string, callback: Callback): Promise<void>

  /** Ends the user's session now; what follows in this request is a new, empty, anonymous one. */
  signOut(callback?: Callback): Promise<void>

  /**
   * Throws ERR_NOT_SIGNED_IN, or ERR_NOT_FRESH where the user proved who they are longer ago than
   * this: ask for the password again, then call `reauthenticate()` (OWASP ASVS 5.0, 7.5.1). Throws
   * ERR_STORE* where the session is stale: what was known some time ago is not enough. With the option
   * `nearCache` call `reload()` first: ERR_NOT_CONFIRMED.
   *
   * @example
   * session.requireFresh('5m')
   */
  requireFresh(maxAge: Duration): void

  /** The user has proved who they are once more: `signedInAt` is now, and the id a new one. Throws ERR_NOT_SIGNED_IN. */
  reauthenticate(callback?: Callback): Promise<void>

  /** Other limits for this session, from its next save on. Throws ERR_OPTION. */
  setLifetime(lifetime: LifetimeOptions): void

  /**
   * Changes one field atomically: `change` gets the stored value and is called again if another
   * request was faster. Resolves to the new value; undefined removes the field. Throws
   * ERR_SESSION_GONE, and ERR_CONFLICT after 1,000 tries.
   *
   * @example
   * await session.update('cart', (cart = []) => [...cart, item])
   */
  update<Name extends keyof Data & string>(
    field: Name,
    change: (
      stored: Data[Name] | undefined,
    ) => Data[Name] | undefined | Promise<Data[Name] | undefined>,
  ): Promise<Data[Name] | undefined>

  /**
   * Adds to a field atomically, in one step of the store; absent counts as 0. Resolves to the sum.
   * Throws ERR_NOT_INTEGER, ERR_SESSION_GONE.
   *
   * @example
   * const views = await session.increment('views')
   */
  increment<Name extends keyof Data & string>(field: Name, by?: number): Promise<number>

  /** Removes a field atomically and resolves to what it held: of parallel takers one gets it. */
  take<Name extends keyof Data & string>(field: Name): Promise<Data[Name] | undefined>
}

/** The session of a request: the user's fields, each possibly absent, and the verbs. */
export type Session<Data extends object = Record<string, unknown>> = {
  [Name in keyof Data]?: Data[Name] | undefined
} & SessionVerbs<Data>

/** `ctx.session`, `req.session`: read, it is the session; assigned, it takes new data, or null to destroy it. */
export interface SessionProperty<Data extends object> {
  get session(): Session<Data>
  set session(value: { [Name in keyof Data]?: Data[Name] | undefined } | null)
}

/** Rejects at compile time a data type that uses a name of a verb. */
export type SessionData<Data> = {
  [Name in keyof Data]: Name extends ReservedName ? never : unknown
}
