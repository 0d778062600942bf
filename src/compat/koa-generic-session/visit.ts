/** The session of one request: loaded, replaced, saved, regenerated, destroyed. */
import { HandstampError, optionError } from '../../core/errors.ts'
import type { CommonContext, KoaContext } from './context.ts'
import type { Settings } from './options.ts'
import { cookieOptions, encode, renameMaxage } from './session.ts'
import type { Session, SessionCookie } from './session.ts'

export type VisitContext = KoaContext &
  Pick<CommonContext<Record<string, unknown>>, 'sessionId' | 'sessionSave'>

export class Visit {
  /** The session as the application sees it: null once it shall be destroyed, undefined before it is loaded. */
  current: Session | null | undefined
  readonly #ctx: VisitContext
  readonly #settings: Settings
  #opening: Promise<void> | undefined
  #isOpen = false
  #isAssigned = false
  #isEnded = false
  #isSaved = false
  /** Stands for a stored session that was destroyed by regenerating. */
  #isSuccessor = false
  /** The id that the store has the session under; undefined for a new one. */
  #storedId: string | undefined
  /** The session as the store has it, or a new one as it began. */
  #encoded: string | undefined
  /** What the cookie of the client was set with. */
  #cookie: SessionCookie
  /** Why the stored session could not be read, and the empty one that was given instead. */
  #unread: { readonly cause: unknown; readonly blank: Session } | undefined

  constructor(ctx: VisitContext, settings: Settings) {
    this.#ctx = ctx
    this.#settings = settings
    this.#cookie = settings.cookie
  }

  /** Loads the session, once; after a failure, again. */
  open(): Promise<void> {
    this.#opening ??= this.#load().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  /** The session in defer mode. An error that nobody awaits must not end the process. */
  read(): Promise<Session | null | undefined> {
    const opened = this.#isAssigned ? Promise.resolve() : this.open()
    const session = opened.then(() => this.current)
    session.catch(() => undefined)
    return session
  }

  assign(value: unknown): void {
    this.current = value ? this.#withCookie(value) : null
    this.#isAssigned = true
  }

  async save(): Promise<void> {
    if (!this.#isAssigned) await this.open()
    await this.#refresh()
  }

  async regenerate(): Promise<Session> {
    const { store, ids, cookie } = this.#settings
    await this.open()
    if (this.#storedId !== undefined) {
      ids.assertSendable?.(this.#ctx, cookie, true)
      await store.destroy(this.#storedId)
      this.#isSuccessor = true
    }
    const session = await this.#begin()
    this.current = session
    await ids.reset.call(this.#ctx, this.#cookie)
    return session
  }

  /** At the end of the request: nothing to do where the session was neither read nor assigned. */
  async finish(): Promise<void> {
    if (this.#isAssigned || (await this.#hasOpened())) await this.#refresh()
  }

  async #load(): Promise<void> {
    const ctx = this.#ctx
    const { ids, storeIsReady, valid } = this.#settings
    await storeIsReady()
    ctx.sessionId ||= (await ids.get.call(ctx)) || undefined
    let session = ctx.sessionId ? await this.#find(ctx.sessionId) : await this.#begin()
    if (!session || !(this.#unread || (await valid(ctx, session)))) {
      session = await this.#begin()
      await ids.reset.call(ctx, this.#cookie)
    }
    if (!this.#isAssigned) this.current = session
    this.#isOpen = true
  }

  async #find(sid: string): Promise<Session | null> {
    const { store, cookie, errorHandler } = this.#settings
    let session: Session | null
    try {
      session = await store.get(sid)
    } catch (cause) {
      if ((cause as { code?: unknown } | undefined)?.code === 'ENOENT') return null
      await errorHandler(cause, 'get', this.#ctx)
      session = { cookie: cookieOptions(cookie) }
      this.#unread = { cause, blank: session }
    }
    if (!session) return null
    session.cookie ??= { ...cookie }
    this.#storedId = sid
    this.#encoded = encode(session)
    this.#cookie = { ...session.cookie }
    return session
  }

  async #begin(): Promise<Session> {
    await this.#renew()
    const session = { cookie: cookieOptions(this.#settings.cookie) }
    this.#encoded = encode(session)
    return session
  }

  /** A new id, under which nothing is stored yet. */
  async #renew(): Promise<void> {
    const sid = await this.#settings.genSid.call(this.#ctx, 24)
    if (!sid) throw optionError('genSid must give a session id.')
    this.#ctx.sessionId = sid
    this.#storedId = undefined
    this.#unread = undefined
    this.#isEnded = false
    this.#isSaved = false
  }

  async #refresh(): Promise<void> {
    const ctx = this.#ctx
    if (ctx.sessionSave === false) return
    if (!this.current) return this.#end()
    await this.open()
    const session = this.#withCookie(this.current)
    this.current = session
    if (this.#isDue(encode(session))) await this.#write(session)
  }

  #isDue(text: string): boolean {
    if (text !== this.#encoded) return true
    if (this.#isSaved || this.#unread) return false
    if (this.#ctx.sessionSave === true) return true
    const { rolling, allowEmpty } = this.#settings
    return this.#storedId === undefined ? allowEmpty || this.#isSuccessor : rolling
  }

  async #write(session: Session): Promise<void> {
    const ctx = this.#ctx
    const { store, ids, beforeSave, errorHandler } = this.#settings
    renameMaxage(session.cookie)
    const isReplaced = this.#unread !== undefined && session !== this.#unread.blank
    if (isReplaced || this.#isEnded) await this.#renew()
    await beforeSave(ctx, session)
    try {
      if (this.#unread) throw unreadError(this.#unread.cause)
      const sid = ctx.sessionId as string
      const isNew = sid !== this.#storedId
      ids.assertSendable?.(ctx, session.cookie, isNew)
      const text = encode(session)
      const isKept = await store.set(sid, session, { isNew })
      this.#storedId = sid
      this.#encoded = text
      this.#isSaved = true
      // One that was loaded, and destroyed meanwhile: by now the client may have the cookie of another one.
      // A new one cannot have been; a store that says false of it means something else.
      if (isKept || isNew) await ids.set.call(ctx, sid, session)
    } catch (error) {
      await errorHandler(error, 'set', ctx)
    }
  }

  async #end(): Promise<void> {
    const ctx = this.#ctx
    const { store, ids } = this.#settings
    if (this.#isEnded) return
    if (!(await this.#hasOpened())) {
      // Null was assigned without a read, which needs none.
      ctx.sessionId ||= (await ids.get.call(ctx)) || undefined
      this.#storedId = ctx.sessionId
    }
    if (this.#storedId === undefined) return
    await ids.reset.call(ctx, this.#cookie)
    await store.destroy(this.#storedId)
    this.#storedId = undefined
    this.#encoded = undefined
    this.#isEnded = true
  }

  async #hasOpened(): Promise<boolean> {
    await this.#opening?.catch(() => undefined)
    return this.#isOpen
  }

  #withCookie(value: unknown): Session {
    if (typeof value !== 'object' || value === null)
      throw new HandstampError('ERR_NOT_SERIALISABLE', 'ctx.session takes an object, or null.')
    const session = value as Session
    if (session.cookie) return session
    const cookie = { ...(this.current?.cookie ?? this.#cookie) }
    return Object.isExtensible(session)
      ? Object.assign(session, { cookie })
      : { ...session, cookie }
  }
}

function unreadError(cause: unknown): HandstampError {
  const message =
    'The changes of this request were not saved: the stored session could not be read, and they would take its place.'
  return new HandstampError('ERR_STORE', message, { cause })
}
