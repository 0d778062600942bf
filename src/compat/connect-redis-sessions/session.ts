/** `req.session`: the data are its own properties, the verbs lie on its prototype. */
import { reservedError } from '../../core/reserved.ts'
import type { Callback } from '../redis-sessions/callback.ts'
import type { RedisSessions, Session } from '../redis-sessions.ts'
import { attributesOf, hashOf } from './data.ts'
import type { Attributes, Meta, SavedSession } from './data.ts'
import type { SessionHandler } from './handler.ts'
import type { SessionRequest } from './request.ts'
import type { RequestVisit } from './visit.ts'

type Activity = { activity: number }
type Sessions = { sessions: Session[] }
type Delta<Result> = number | null | Callback<Result>

/**
 * The session of a request. Strings, numbers, booleans and null under any name of yours are saved before
 * the response leaves, once somebody is signed in; other values are not.
 *
 * Every verb returns a promise, and takes a callback last. Without a callback, and where nobody awaits
 * it, a failure of `upgrade`, `save`, `destroy` or `destroyall` becomes the failure of the request.
 *
 * @example
 * req.session.upgrade('ada', (error) => { … })
 * await req.session.upgrade('ada')
 */
export class SessionObject {
  [name: string]: unknown
  /** Undefined where nobody is signed in. */
  declare _meta?: Meta
  readonly #visit: RequestVisit
  /** Data of others under names of ours: kept, but not among the properties. */
  #apart: Attributes = {}

  constructor(visit: RequestVisit) {
    this.#visit = visit
  }

  /** The token; null where nobody is signed in. */
  get id(): string | null {
    return this.#visit.token
  }

  /** A copy of the data. */
  get d(): Attributes {
    return this.attributes()
  }

  get req(): SessionRequest {
    return this.#visit.request
  }

  get handler(): SessionHandler {
    return this.#visit.handler
  }

  /**
   * Signs a user in: the session gets a new token, and is stored, with the data that it has. `ttl` in
   * seconds. For the user who is signed in already it does nothing; the session of another one ends
   * first, and its data are gone.
   */
  upgrade(id: string | number, ttl?: unknown, callback?: Callback<void>): Promise<void> {
    const isShort = typeof ttl === 'function'
    const done = isShort ? (ttl as Callback<void>) : callback
    return this.#visit.run(true, done, () => this.#visit.upgrade(id, isShort ? undefined : ttl))
  }

  /** The data. */
  attributes(): Attributes {
    return { ...attributesOf(this), ...this.#apart }
  }

  /** A checksum of the data. */
  hash(): number {
    return hashOf(this.attributes())
  }

  /** Saves now. Calls back with the session, or with null where it has ended meanwhile. */
  save(callback?: Callback<SavedSession | null>): Promise<SavedSession | null> {
    return this.#visit.run(this.id !== null, callback, () => this.#visit.save())
  }

  /** Takes the data from Redis anew; changes that are not saved are gone. */
  reload(callback?: Callback<void>): Promise<void> {
    return this.#visit.run(false, callback, () => this.#visit.reload())
  }

  /** Ends the session, and removes the cookie; resolves to 1, or to 0 where it had ended before. */
  destroy(callback?: Callback<number>): Promise<number> {
    return this.#visit.run(true, callback, () => this.#visit.destroy('this'))
  }

  /** Ends all sessions of the user within the app; resolves to how many there were. */
  destroyall(callback?: Callback<number>): Promise<number> {
    return this.#visit.run(true, callback, () => this.#visit.destroy('all'))
  }

  /** How many users were active within the last `dt` seconds, at least 10. Default 600. */
  activity(dt?: Delta<Activity>, callback?: Callback<Activity>): Promise<Activity> {
    return this.#ask(dt, callback, ({ app }, seconds = 600) =>
      this.handler.rds.activity({ app, dt: seconds }),
    )
  }

  /** The sessions of the app that were used within the last `dt` seconds, at least 10. Default 600. */
  soapp(dt?: Delta<Sessions>, callback?: Callback<Sessions>): Promise<Sessions> {
    return this.#ask(dt, callback, ({ app }, seconds = 600) =>
      this.handler.rds.soapp({ app, dt: seconds }),
    )
  }

  /** The sessions of the user; with `dt` those used within the last so many seconds. */
  soid(dt?: Delta<Sessions>, callback?: Callback<Sessions>): Promise<Sessions> {
    return this.#ask(dt, callback, async ({ app, id }, seconds = Infinity) => {
      const { sessions } = await this.handler.rds.soid({ app, id })
      return { sessions: sessions.filter(({ idle }) => idle <= seconds) }
    })
  }

  /** The engine, for sessions of other users. */
  getRedisSessionsModule(): RedisSessions {
    return this.handler.rds
  }

  #ask<Result>(
    dt: Delta<Result> | undefined,
    callback: Callback<Result> | undefined,
    query: (holder: { app: string; id: string }, dt?: number) => Promise<Result>,
  ): Promise<Result> {
    const [seconds, done] = typeof dt === 'function' ? [undefined, dt] : [dt ?? undefined, callback]
    return this.#visit.run(false, done, async () => query(this.#visit.signedIn(), seconds))
  }

  /** Puts data in the place of those that are there. */
  static fill(session: SessionObject, data: Attributes, meta: Meta | undefined): void {
    for (const name of Object.keys(session)) delete session[name]
    session.#apart = {}
    for (const [name, value] of Object.entries(data)) {
      if (RESERVED.has(name)) session.#apart[name] = value
      else session[name] = value
    }
    if (meta) Object.assign(session, { _meta: meta })
  }
}

const verbs = Object.entries(Object.getOwnPropertyDescriptors(SessionObject.prototype)).filter(
  ([name]) => name !== 'constructor',
)
const RESERVED = new Set(['__proto__', '_meta', ...verbs.map(([name]) => name)])

// A plain assignment such as `session.save = 1` would hide the verb without a word: it is refused.
for (const [name, { get, value: verb }] of verbs) {
  Object.defineProperty(SessionObject.prototype, name, {
    // Verbs could be passed on as they are.
    get:
      get ??
      function bound(this: SessionObject): unknown {
        return (verb as () => unknown).bind(this)
      },
    set: () => {
      throw reservedError(name)
    },
  })
}
