/** The engine: one per kind of session, shared by all requests. */
import { activityOf } from './activity.ts'
import type { ActivityQuery, ActivityReport } from './activity.ts'
import { closeEngine } from './closing.ts'
import type { Duration } from './duration.ts'
import { enginePerRequest } from './engine.ts'
import type { Engine } from './engine.ts'
import { closedError, HandstampError } from './errors.ts'
import type { SessionEmitter } from './events.ts'
import { healthOf } from './health.ts'
import type { Health } from './health.ts'
import { asHandle } from './id.ts'
import { look } from './load.ts'
import { checkedRevoker, confirmed, revokeOne } from './revoke.ts'
import type { Revocation, Revoker } from './revoke.ts'
import type { NearCacheStats } from './near-cache.ts'
import type { StopListening } from './revocations.ts'
import type { Session } from './session.ts'
import type { RequestHead } from './transport.ts'
import { ReferringSessions } from './referring.ts'
import { describeSession, UserSessions } from './users.ts'
import type { SessionInfo } from './users.ts'
import { addVisit, findVisit } from './visits.ts'
import { Visit } from './visit.ts'
import type { OpenRequests } from './visit.ts'

/** Made by `createSessions`; adapters mount it. */
export class Sessions<Data extends object> {
  readonly #engine: Engine
  readonly #engineOfRequest: new () => Engine
  readonly #isOurs = (visit: Visit<object>): boolean => visit.countedBy === this.#open
  /** Requests that have begun and have not settled. */
  readonly #open: OpenRequests = { count: 0 }
  #closing: Promise<void> | undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#engineOfRequest = enginePerRequest(engine)
  }

  /**
   * What happens to sessions, for logs, metrics and alarms; see docs/events.md.
   *
   * @example
   * sessions.events.on('conflict', ({ handle, fields }) => log.warn({ handle, fields }))
   */
  get events(): SessionEmitter {
    return this.#engine.events
  }

  /**
   * The session of a request, loaded on first use; takes what the adapter was given (Koa's `ctx`,
   * the `req` of Express, Connect and node:http, a Fetch `Request`). A bound function, so it can be
   * taken apart: `const { getSession } = createSessions()`.
   *
   * Rejects with ERR_NO_SESSION, ERR_STORE, ERR_STORE_TIMEOUT.
   */
  readonly getSession = async (request: object): Promise<Session<Data>> => {
    const session = await this.visitOf(request)?.load()
    if (session) return session
    throw new HandstampError(
      'ERR_NO_SESSION',
      'This request has no session: mount the middleware before this route, look at the path of the cookie, ' +
        'and do not use a session after it was destroyed.',
    )
  }

  /**
   * The sessions of a user, within requests and outside of them. Throws ERR_USER_ID.
   *
   * @example
   * await sessions.user('u-1').revokeAll()
   */
  user(userId: string): UserSessions {
    return new UserSessions(this.#engine, userId)
  }

  /**
   * The sessions that a reference has this value for (option `references`). Throws ERR_OPTION.
   *
   * @example
   * await sessions.by('tenantId', 't-7').revokeAll()
   */
  by(name: string, value: string | number | boolean): ReferringSessions {
    return new ReferringSessions(this.#engine, name, value)
  }

  /** The live session of a handle, for whoever may see all sessions; undefined where there is none. */
  async find(handle: string): Promise<SessionInfo | undefined> {
    const found = asHandle(handle)
    const { loaded } = found ? await look(this.#engine, found) : {}
    return found && loaded && describeSession(found, loaded.meta, undefined)
  }

  /** Ends the session of a handle, anonymous ones included; whatever names no live session ends nothing. */
  async revoke(handle: string, by: Revoker = 'admin'): Promise<Revocation> {
    const one = asHandle(handle)
    const revoker = checkedRevoker(by)
    return confirmed(this.#engine, one ? await revokeOne(this.#engine, one, revoker) : [])
  }

  /**
   * Who was active within the last so much time: how many sessions and different users, and the
   * sessions seen last (option `activity`). Two round trips to the store.
   *
   * The resolution is the touch interval: who only reads is noted once per interval, so a window much
   * shorter than that sees too few (docs/activity.md). Rejects with ERR_OPTION where no activity is
   * noted and for a window over `activity.keep`, with ERR_STORE and ERR_STORE_TIMEOUT.
   *
   * @example
   * const { sessions: open, users, recent } = await sessions.activity('10m', { limit: 5 })
   */
  activity(window: Duration, query?: ActivityQuery): Promise<ActivityReport> {
    return activityOf(this.#engine, window, query)
  }

  /** What the near cache has done so far; undefined without the option `nearCache`. */
  get nearCache(): NearCacheStats | undefined {
    return this.#engine.nearCache?.stats
  }

  /**
   * From now on the event `revoked` tells of sessions that other processes end too, with `remote:
   * true` and without the user: to close sockets, for example. Takes one connection more (of ioredis'
   * `Cluster` one per node); a second call takes none. Returns what ends it; `close` does so too.
   *
   * Best effort: what is sent while the connection is cut is missed, and `storeFailed` says so. No
   * request depends on it. Rejects with ERR_STORE, ERR_STORE_TIMEOUT (after five seconds, or
   * `storeTimeout` if that is longer), ERR_OPTION where the client cannot subscribe, ERR_CLOSED.
   *
   * @example
   * await sessions.listen()
   * sessions.events.on('revoked', ({ handle }) => socketsOf(handle).forEach((socket) => socket.close()))
   */
  async listen(): Promise<StopListening> {
    return this.#engine.revocations.listen()
  }

  /** For adapters: starts the dealings of a request; undefined where the cookie's path does not cover it. */
  begin(head: RequestHead, ...carriers: readonly object[]): Visit<Data> | undefined {
    if (this.#closing) throw closedError()
    if (!this.#engine.transport.covers(head)) return undefined
    const visit = new Visit<Data>(new this.#engineOfRequest(), head, this.#open)
    addVisit(carriers, visit)
    return visit
  }

  /** For adapters: the dealings of a request that has begun. */
  visitOf(carrier: object): Visit<Data> | undefined {
    return findVisit(carrier, this.#isOurs) as unknown as Visit<Data> | undefined
  }

  /**
   * Whether the store answers, and what is unsafe about its set-up, each with the remedy: for the start
   * of a process and for `/healthz` (docs/when-redis-fails.md). Asks the store half a dozen questions,
   * whatever else is going on. Never rejects; where the store is down it says so, within a second or
   * `storeTimeout`, if that is longer.
   *
   * @example
   * const { ok, findings } = await sessions.health()
   * for (const { severity, message } of findings) log[severity === 'error' ? 'error' : 'warn'](message)
   */
  health(): Promise<Health> {
    return healthOf(this.#engine)
  }

  /**
   * Refuses new requests with ERR_CLOSED, lets those that are open settle and the background finish,
   * for five seconds at most, and lets the store go; what still waits then fails with ERR_CLOSED. Close
   * the server first. May be called again, which waits for the same end.
   *
   * @example
   * server.close(() => sessions.close())
   */
  close(): Promise<void> {
    this.#closing ??= closeEngine(this.#engine, () => this.#open.count)
    return this.#closing
  }
}
