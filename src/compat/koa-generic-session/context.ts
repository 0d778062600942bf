/** What the middleware reads of Koa's context, and what it adds to it. */
import type { Session } from './session.ts'
import type { SessionStore } from './store.ts'

/** The part of the context of Koa 2 and 3 that is used; a hook may declare Koa's own type instead. */
export interface KoaContext {
  readonly path: string
  readonly secure: boolean
  readonly headerSent: boolean
  readonly cookies: {
    readonly keys?: unknown
    readonly secure?: boolean
    get(name: string, options?: { signed?: boolean }): string | undefined
    set(name: string, value: string | null, options?: object): unknown
  }
  readonly app: {
    readonly keys?: unknown
    emit(event: 'error', error: unknown, ctx: unknown): boolean
  }
}

/** What the context has behind the middleware, whatever the mode. */
export interface CommonContext<Data extends object> {
  /** The session as it is; in defer mode undefined before the first read. */
  _session: Session<Data> | null | undefined
  /** The session id. Set by an earlier middleware it takes the place of the cookie's. */
  sessionId: string | undefined
  /** true: save in any case; false: neither save nor destroy; null, the default: save what changed. */
  sessionSave: boolean | null
  /** The store, by bare session id. */
  readonly sessionStore: SessionStore
  /** Saves now what is to be saved, so that the end of the request need not. */
  saveSession(): Promise<void>
  /** Destroys the session and begins an empty one with a new id, which is the result. */
  regenerateSession(): Promise<Session<Data>>
}

/** The context in normal mode. */
export interface SessionContext<
  Data extends object = Record<string, unknown>,
> extends CommonContext<Data> {
  /** Assigning null destroys the session. */
  get session(): Session<Data>
  set session(value: Assigned<Data>)
}

/** The context in defer mode: nothing is loaded before `await ctx.session`. */
export interface DeferredContext<
  Data extends object = Record<string, unknown>,
> extends CommonContext<Data> {
  /** Assigning null destroys the session. */
  get session(): Promise<Session<Data>>
  set session(value: Assigned<Data>)
}

/** A session without `cookie` gets the cookie options of the one it replaces. */
type Assigned<Data extends object> = (Partial<Data> & Partial<Pick<Session, 'cookie'>>) | null
