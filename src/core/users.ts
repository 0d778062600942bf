/** The sessions of one user, from outside of requests too: list, count, revoke. */
import { decodeMetaLine } from './document.ts'
import type { Meta } from './document.ts'
import type { Device } from './device.ts'
import { ask, askAgain } from './engine.ts'
import type { Engine } from './engine.ts'
import { tellRevoked } from './ended.ts'
import { MEMORY } from './former.ts'
import { goneError, optionError } from './errors.ts'
import { asHandle, tagOf } from './id.ts'
import type { Handle } from './id.ts'
import { checkedPage } from './page.ts'
import type { PageOptions } from './page.ts'
import { expiryOf, signedInAtOf } from './policy.ts'
import { checkedRevoker, confirmed, endlessError, MOST_BATCHES, revokeOfUser } from './revoke.ts'
import type { Revocation, Revoker } from './revoke.ts'
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
  async list(options: ListOptions = {}): Promise<SessionPage> {
    const { limit, offset } = checkedPage(options, ['current'])
    const mark = options.current === undefined ? undefined : handleOf(options.current)
    const { store, clock } = this.#engine
    const page = { now: clock.now(), offset, count: limit }
    const { entries, isFull } = await askAgain(this.#engine, 'list', () =>
      store.users.list(this.#owner, page),
    )
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
    return askAgain(this.#engine, 'count', () => store.users.count(this.#owner, clock.now()))
  }

  /** Ends one session of the user; whatever is not theirs, or no handle at all, ends nothing. */
  async revoke(handle: string, by: Revoker = 'user'): Promise<Revocation> {
    const only = asHandle(handle)
    const revoker = checkedRevoker(by)
    const isTheirs = only && tagOf(only) === tagOf(this.#owner)
    const ended = isTheirs ? await revokeOfUser(this.#engine, this.#userId, only, revoker) : []
    return confirmed(this.#engine, ended)
  }

  /**
   * Ends all sessions of the user but this one ("sign out everywhere else", OWASP ASVS 5.0, 7.4.3).
   * Rejects with ERR_SESSION_GONE where this one is not stored: it would end them all.
   */
  async revokeOthers(current: Held, by: Revoker = 'user'): Promise<Revocation> {
    const handle = handleOf(current)
    if (handle === undefined) throw goneError()
    return this.#revokeAllBut(handle, checkedRevoker(by))
  }

  /**
   * Ends all sessions of the user (OWASP ASVS 5.0, 7.4.2). Every sign-in acknowledged before the call
   * is refused after it; one that runs beside it may be ended too.
   */
  async revokeAll(by: Revoker = 'admin'): Promise<Revocation> {
    return this.#revokeAllBut(undefined, checkedRevoker(by))
  }

  async #revokeAllBut(except: Handle | undefined, by: Revoker): Promise<Revocation> {
    const { store, migrateFrom } = this.#engine
    const ended: Handle[] = []
    // Devices that still come with the cookie of another package are the user's as well.
    if (migrateFrom.length > 0)
      await askAgain(this.#engine, 'revoke', () => store.users.bar(this.#owner, MEMORY))
    // From the front each time, until a batch has all that is left: whatever is added or moved meanwhile,
    // none is passed over, and what begins after that step began after the call.
    for (let batches = 0; batches < MOST_BATCHES; batches++) {
      const { handles, isLast } = await ask(this.#engine, 'revoke', () =>
        store.users.end(this.#owner, { except, most: BATCH }),
      )
      // At once: a later batch may fail, and these have ended all the same.
      tellRevoked(this.#engine, handles, by, this.#userId)
      ended.push(...handles)
      if (isLast) return confirmed(this.#engine, ended)
    }
    throw endlessError(ended.length)
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

/** Of anything that claims to be a session. Throws ERR_OPTION. */
function handleOf(held: unknown): Handle | undefined {
  const meta: unknown = typeof held === 'object' && held !== null && Reflect.get(held, 'meta')
  if (typeof meta === 'object' && meta !== null) {
    const handle: unknown = Reflect.get(meta, 'handle')
    if (handle === undefined) return undefined
    const known = asHandle(handle)
    if (known) return known
  }
  throw optionError('The current session must be a session, such as req.session or ctx.session.')
}
