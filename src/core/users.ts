/** The sessions of one user, from outside of requests too: list, count, revoke. */
import { decodeMetaLine } from './document.ts'
import type { Meta } from './document.ts'
import type { Device } from './device.ts'
import { ask } from './engine.ts'
import type { Engine } from './engine.ts'
import { tellRevoked } from './ended.ts'
import { goneError } from './errors.ts'
import type { RevokedBy } from './events.ts'
import { asHandle, tagOf } from './id.ts'
import type { Handle } from './id.ts'
import { checkedPage } from './page.ts'
import type { PageOptions } from './page.ts'
import { expiryOf, signedInAtOf } from './policy.ts'
import { checkedUserId, userKeyOf } from './user.ts'
import type { UserKey } from './user.ts'

/** A live session as its user or an administrator sees it. Holds nothing that could be presented as it. */
export interface SessionInfo {
  /** Names the session in `revoke`. */
  readonly handle: Handle
  readonly userId: string | undefined
  readonly device: Device | undefined
  readonly createdAt: Date
  readonly signedInAt: Date | undefined
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  /** It is the session that was given as `current`. */
  readonly isCurrent: boolean
}

export interface ListOptions extends PageOptions {
  /** The session that asks, to be marked in the list. */
  readonly current?: Held
}

/** Anything that knows its handle: the session of a request. */
export interface Held {
  readonly meta: { readonly handle: Handle | undefined }
}

export interface SessionPage {
  /** Those that end last first. */
  readonly sessions: readonly SessionInfo[]
  /** The offset of the next page; undefined on the last one. */
  readonly next: number | undefined
}

export interface Revocation {
  /** The sessions that were live and are ended. */
  readonly ended: readonly Handle[]
  /** Whether a replica has confirmed it, so that a failover cannot undo it; undefined where there is none, or no telling. */
  readonly replicated: boolean | undefined
}

const NOTHING: Revocation = { ended: [], replicated: undefined }
/** Keeps each command on Redis far below 2 ms. */
const BATCH = 100

export class UserSessions {
  readonly #engine: Engine
  readonly #userId: string
  readonly #owner: UserKey

  constructor(engine: Engine, userId: string) {
    this.#engine = engine
    this.#userId = checkedUserId(userId)
    this.#owner = userKeyOf(userId)
  }

  /**
   * A page of the user's live sessions, in one round trip.
   *
   * @example
   * const { sessions } = await engine.user(id).list({ current: req.session })
   */
  async list({ current, ...options }: ListOptions = {}): Promise<SessionPage> {
    const { limit, offset } = checkedPage(options)
    const { store, clock } = this.#engine
    const page = { now: clock.now(), offset, count: limit }
    const { entries, isFull } = await ask(this.#engine, 'list', store.users.list(this.#owner, page))
    const mark = current?.meta.handle
    const sessions = entries.flatMap(({ handle, metaLine }) => {
      const meta = decodeMetaLine(metaLine)
      return meta?.signIn?.userId === this.#userId ? [describeSession(handle, meta, mark)] : []
    })
    // Entries without a session were removed, so what stood behind them has moved up.
    return { sessions, next: isFull ? offset + entries.length : undefined }
  }

  /** How many live sessions the user has, in one round trip. */
  count(): Promise<number> {
    const { store, clock } = this.#engine
    return ask(this.#engine, 'count', store.users.count(this.#owner, clock.now()))
  }

  /** Ends one session of the user; whatever is not theirs, or no handle at all, ends nothing. */
  async revoke(handle: string, by: RevokedBy = 'user'): Promise<Revocation> {
    const only = asHandle(handle)
    if (!only || tagOf(only) !== tagOf(this.#owner)) return NOTHING
    const ending = { only, userId: this.#userId }
    const { handles } = await ask(
      this.#engine,
      'revoke',
      this.#engine.store.users.end(this.#owner, ending),
    )
    tellRevoked(this.#engine, handles, by, this.#userId)
    return this.#confirmed(handles)
  }

  /**
   * Ends all sessions of the user but this one ("sign out everywhere else", OWASP ASVS 5.0, 7.4.3).
   * Rejects with ERR_SESSION_GONE where this one is not stored: it would end them all.
   */
  async revokeOthers(current: Held, by: RevokedBy = 'user'): Promise<Revocation> {
    const { handle } = current.meta
    if (handle === undefined) throw goneError()
    return this.#revokeAllBut(handle, by)
  }

  /**
   * Ends all sessions of the user (OWASP ASVS 5.0, 7.4.2). Every sign-in acknowledged before the call
   * is refused after it; one that runs beside it may be ended too.
   */
  revokeAll(by: RevokedBy = 'admin'): Promise<Revocation> {
    return this.#revokeAllBut(undefined, by)
  }

  async #revokeAllBut(except: Handle | undefined, by: RevokedBy): Promise<Revocation> {
    const { store } = this.#engine
    const ended: Handle[] = []
    // From the front each time, until a batch is empty: whatever is added or moved meanwhile, none is passed over.
    for (;;) {
      const batch = store.users.end(this.#owner, { except, most: BATCH })
      const { handles, isLast } = await ask(this.#engine, 'revoke', batch)
      // At once: a later batch may fail, and these have ended all the same.
      tellRevoked(this.#engine, handles, by, this.#userId)
      ended.push(...handles)
      if (isLast) return this.#confirmed(ended)
    }
  }

  async #confirmed(ended: readonly Handle[]): Promise<Revocation> {
    const { store } = this.#engine
    if (ended.length === 0) return NOTHING
    return {
      ended,
      replicated: await ask(this.#engine, 'confirm', store.users.confirm(this.#owner)),
    }
  }
}

export function describeSession(
  handle: Handle,
  meta: Meta,
  current: Handle | undefined,
): SessionInfo {
  const { signIn } = meta
  return {
    handle,
    userId: signIn?.userId,
    device: signIn?.device,
    createdAt: new Date(meta.createdAt),
    signedInAt: signedInAtOf(meta),
    lastSeenAt: new Date(meta.lastSeenAt),
    expiresAt: new Date(expiryOf(meta)),
    isCurrent: handle === current,
  }
}
