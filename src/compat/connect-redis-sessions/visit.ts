/** One request's dealings with its session: found before the handler, settled before the response leaves. */
import { headSentError } from '../../core/errors.ts'
import type { HeaderLine } from '../../core/transport.ts'
import type { Session } from '../redis-sessions.ts'
import { withCallback } from '../redis-sessions/callback.ts'
import type { Callback } from '../redis-sessions/callback.ts'
import { textOf } from '../redis-sessions/validate.ts'
import { clearingLine, cookieLine, isDue } from './cookie.ts'
import { changeOf, metaOf } from './data.ts'
import type { Attributes, Meta, SavedSession } from './data.ts'
import { namedError } from './errors.ts'
import { atLeastTen } from './handler.ts'
import type { SessionHandler } from './handler.ts'
import { Operation } from './operation.ts'
import { ipOf, isSecure } from './request.ts'
import type { SessionRequest } from './request.ts'
import { SessionObject } from './session.ts'

interface Holder {
  readonly app: string
  readonly token: string
  /** The user. */
  readonly id: string
}

export class RequestVisit {
  readonly handler: SessionHandler
  readonly request: SessionRequest
  readonly session: SessionObject
  readonly #app: string
  #holder: Holder | undefined
  /** The data as Redis has them. */
  #stored: Attributes = {}
  #cookie: 'keep' | 'set' | 'clear' = 'keep'
  /** The data of a session that ended in this request. */
  #ended: Attributes | undefined
  #isHeadSent = false
  /** Verbs run one after the other, in the order of their calls. */
  #last: Promise<unknown> = Promise.resolve()
  #vital: Operation<unknown>[] = []
  #isBusy = false
  #isAbandoned = false

  constructor(handler: SessionHandler, request: SessionRequest, app: string) {
    this.handler = handler
    this.request = request
    this.#app = app
    this.session = new SessionObject(this)
    request.sessionID = null
  }

  get token(): string | null {
    return this.#holder?.token ?? null
  }

  /** The session that came with the request. */
  found(token: string, session: Session): void {
    this.#hold({ app: this.#app, token, id: session.id })
    this.#fill(session)
    if (isDue(this.handler.cookie, session.idle, Date.now())) this.#cookie = 'set'
  }

  /** Throws an error named `no-token`. */
  signedIn(): Holder {
    if (!this.#holder) throw namedError('no-token')
    return this.#holder
  }

  /**
   * Does the work after all that was begun before it. `isVital`: where nobody sees that it failed, the
   * response does not say that it went well.
   */
  run<Result>(
    isVital: boolean,
    callback: Callback<Result> | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const working = this.#last.then(work)
    this.#last = working.catch(() => undefined)
    const operation = Operation.of(working)
    if (isVital) this.#vital.push(operation)
    this.#isBusy = true
    return withCallback(operation, callback)
  }

  async upgrade(id: string | number, ttl: unknown): Promise<void> {
    const user = textOf({ id }, 'id')
    if (this.#holder?.id === user) return this.handler.log('signed in already')
    if (this.#isHeadSent) throw headSentError()
    const parsed = Number.parseInt(`${ttl as number}`, 10)
    const seconds = Number.isNaN(parsed) ? this.handler.ttl : atLeastTen(parsed)
    const ip = ipOf(this.request, this.handler.trustProxy)
    // Another user's session ends first: nobody goes on with the data, or the token, of somebody else.
    if (this.#holder) await this.#end('this')
    const app = this.#app
    const created = { app, id: user, ip, ...(seconds === undefined ? {} : { ttl: seconds }) }
    const { token } = await this.handler.rds.create(created)
    this.#hold({ app, token, id: user })
    this.#stored = {}
    const meta: Meta = { id, r: 1, w: 1, ttl: seconds ?? 7200, idle: 0, ip }
    if (this.#ended) SessionObject.fill(this.session, sinceThen(this.#ended, this.session), meta)
    else Object.assign(this.session, { _meta: meta })
    this.#cookie = 'set'
    this.handler.log('signed in')
  }

  async save(): Promise<SavedSession | null> {
    const { app, token } = this.signedIn()
    const now = this.session.attributes()
    const d = changeOf(this.#stored, now)
    const { rds } = this.handler
    const session = d ? await rds.set({ app, token, d }) : await rds.get({ app, token })
    this.#stored = now
    return session && Object.assign({ ...session.d }, { _meta: metaOf(session) })
  }

  async reload(): Promise<void> {
    const { app, token } = this.signedIn()
    const session = await this.handler.rds.get({ app, token })
    if (!session) throw namedError('no-token')
    this.#fill(session)
  }

  async destroy(which: 'this' | 'all'): Promise<number> {
    this.signedIn()
    return this.#end(which)
  }

  /** Undefined where there is nothing to wait for. */
  settle(): Promise<void> | undefined {
    if (this.#isAbandoned || (!this.#isBusy && !this.#isChanged())) return undefined
    return this.#settle().catch((error: unknown) => {
      // The response tells of it; what failed is not tried again with that.
      this.#isAbandoned = true
      throw error
    })
  }

  headerLines(): readonly HeaderLine[] {
    this.#isHeadSent = true
    const { cookie } = this.handler
    if (this.#cookie === 'clear') return [['Set-Cookie', clearingLine(this.#app, cookie)]]
    if (this.#cookie === 'keep' || this.token === null) return []
    if (cookie.secure && !isSecure(this.request, this.handler.trustProxy)) {
      this.handler.log('no cookie: it is for secure connections, and this one is not')
      return []
    }
    return [['Set-Cookie', cookieLine(this.#app, this.token, cookie, Date.now())]]
  }

  async #settle(): Promise<void> {
    while (this.#isBusy) {
      this.#isBusy = false
      await this.#last
    }
    const failed = this.#vital.find((operation) => operation.unseenFailure)
    if (failed) throw failed.unseenFailure as Error
    if (this.#isChanged()) await this.save()
  }

  /** Without the session on the request there is nothing to save, as it always was. */
  #isChanged(): boolean {
    if (!this.#holder || this.request.session !== this.session) return false
    return changeOf(this.#stored, this.session.attributes()) !== undefined
  }

  async #end(which: 'this' | 'all'): Promise<number> {
    const { app, token, id } = this.signedIn()
    const { rds } = this.handler
    const { kill } = await (which === 'this' ? rds.kill({ app, token }) : rds.killsoid({ app, id }))
    this.#hold(undefined)
    this.#ended = this.session.attributes()
    this.#cookie = 'clear'
    this.handler.log('signed out')
    return kill
  }

  #hold(holder: Holder | undefined): void {
    this.#holder = holder
    this.request.sessionID = this.token
  }

  #fill(session: Session): void {
    this.#stored = { ...session.d }
    SessionObject.fill(this.session, this.#stored, metaOf(session))
  }
}

/** What was written after a session had ended: it belongs to the next one. */
function sinceThen(ended: Attributes, session: SessionObject): Attributes {
  const change = Object.entries(changeOf(ended, session.attributes()) ?? {})
  return Object.fromEntries(change.filter(([, value]) => value !== null))
}
