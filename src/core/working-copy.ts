/** A session as one request holds it: what is stored, what is changed, and how the one becomes the other. */
import { noteActive } from './activity.ts'
import { changesOf, NO_CHANGES } from './changes.ts'
import type { Fields, Meta } from './document.ts'
import { ask } from './engine.ts'
import type { Engine, HookSession } from './engine.ts'
import { goneError, headSentError, inHookError } from './errors.ts'
import type { DropReason } from './events.ts'
import { endFormers } from './former.ts'
import type { Handle } from './id.ts'
import { isWithin, within } from './hook-scope.ts'
import { freshMeta, resolveLifetime } from './lifetime.ts'
import { endPresented } from './load.ts'
import { plan } from './plan.ts'
import type { Decision, Plan, Situation, Standing } from './plan.ts'
import { isTouchDue } from './policy.ts'
import { Queue } from './queue.ts'
import { SessionObject } from './session-object.ts'
import type { Behind } from './session-object.ts'
import type { LifetimeOptions } from './session.ts'
import type { RequestHead } from './transport.ts'
import { changesSince, isUntouched } from './touched.ts'
import type { Loaded } from './touched.ts'
import { create, end, noteSize, ownerOf, regenerate, update } from './write.ts'
import type { Stored } from './write.ts'

const NOTHING: Loaded = { body: '', fields: {} }

export class WorkingCopy {
  readonly engine: Engine
  readonly request: RequestHead
  /** What the client presented, as far as this request has not ended it. */
  presented: readonly Handle[] = []
  /** Undefined until the session was looked for. */
  standing: Standing | undefined
  stored: Stored | undefined
  intent: Situation['intent'] = 'keep'
  /** With intent `regenerate`: whether the stored data go along, and how long the old id answers. */
  keepData = false
  grace = 0
  /** To write with the next save: limits, and when the user proved once more who they are. */
  lifetime: LifetimeOptions | undefined
  provenAt: number | undefined
  /** The store failed, and nothing is known, or no more than what the session was some time ago. */
  unread: Error | undefined
  stale: Error | undefined
  discarded = false
  headSent = false
  /** The store has said within this request that the session is live, at a reload or a write. */
  isConfirmed = false
  cookie: Plan['cookie'] = 'keep'
  readonly #verbsOf: (copy: WorkingCopy) => Behind
  #isDropTold = false
  #session: SessionObject | null | undefined
  /** What the session object was filled with, or held when it was last written. */
  #loaded: Loaded = NOTHING
  #bornAt: number | undefined
  #queue: Queue | undefined

  constructor(engine: Engine, request: RequestHead, verbsOf: (copy: WorkingCopy) => Behind) {
    this.engine = engine
    this.request = request
    this.#verbsOf = verbsOf
  }

  found(standing: Standing | undefined, loaded?: Stored & { readonly fields: Fields }): void {
    this.standing = standing
    this.stored = loaded
    this.#loaded = loaded ?? NOTHING
    this.#session = undefined
  }

  /** Made on first use: a request that ignores its session pays nothing for it. */
  get session(): SessionObject | null {
    if (this.#session === undefined) {
      // Looked at once: a near cache parses the fields at every look.
      const { body, fields } = this.#loaded
      this.#loaded = { body, fields }
      this.replace(fields)
    }
    return this.#session as SessionObject | null
  }

  /** Most requests only read, or not even that: says that nothing is to be done, for less than `decide` costs. */
  get isIdle(): boolean {
    const { stored, standing, lifetime } = this
    const session = this.#session
    if (this.intent !== 'keep' || lifetime || session === null) return false
    if (!stored)
      return standing === 'none' && (session === undefined || Object.keys(session).length === 0)
    const { codec, touchInterval, clock } = this.engine
    return (
      standing === 'live' &&
      (session === undefined || isUntouched(this.#loaded, stored.body, session, codec)) &&
      !isTouchDue(stored.meta, touchInterval, clock.now())
    )
  }

  /** A new session object with these fields, or none. */
  replace(fields: object | null): void {
    this.#session = fields && new SessionObject(this.#verbsOf(this), fields)
  }

  /** From the next save on the session is another one. */
  startAnew(): void {
    this.lifetime = undefined
    this.provenAt = undefined
    this.#bornAt = undefined
    this.stale = undefined
  }

  /** The metadata that a save would leave behind. */
  meta(): Meta {
    const isFresh = this.intent === 'regenerate' && !this.keepData
    this.#bornAt ??= this.engine.clock.now()
    const meta = (isFresh ? undefined : this.stored?.meta) ?? freshMeta(this.engine, this.#bornAt)
    const { signIn } = meta
    const proven = signIn && this.provenAt ? { signIn: { ...signIn, at: this.provenAt } } : {}
    const lifetime = this.lifetime ? resolveLifetime(this.lifetime, meta) : {}
    return { ...meta, ...lifetime, ...proven }
  }

  /** Throws ERR_RESERVED_NAME, ERR_NOT_SERIALISABLE, ERR_STORE*. */
  decide(explicit: boolean): Decision {
    const { clock, codec, rolling, touchInterval } = this.engine
    const { stored, intent, lifetime } = this
    const isFresh = intent === 'regenerate' && !this.keepData
    const base = isFresh ? '' : (stored?.body ?? '')
    const session = this.#session
    const changes = session ? changesSince(this.#loaded, base, session, codec) : NO_CHANGES
    const persistent = stored?.meta.persistent ?? false
    const isKept = stored !== undefined && !this.stale
    const isDue = isKept && isTouchDue(stored.meta, touchInterval, clock.now())
    const isMoved = lifetime !== undefined && (persistent || this.meta().persistent)
    const decided = plan({
      standing: this.standing ?? 'none',
      presented: this.presented.length > 0,
      intent,
      changed: changes.changes.length > 0 || lifetime !== undefined,
      filled: changes.body !== '' || this.meta().signIn !== undefined,
      explicit,
      discarded: this.discarded && !explicit,
      touchDue: isDue || explicit,
      cookieDue: stored?.id !== undefined && (isMoved || (rolling && persistent && isDue)),
      headSent: this.headSent,
    })
    if (this.unread && (decided.store !== 'none' || decided.dropped)) throw this.unread
    return { ...changes, plan: decided }
  }

  /** Decides and writes. `explicit`: code awaits it, so a change that cannot be saved is an error. */
  async save(explicit: boolean, decided?: Decision): Promise<void> {
    let decision = decided ?? this.decide(explicit)
    const { beforeSave } = this.engine
    const { store } = decision.plan
    if (beforeSave && (store === 'create' || store === 'update' || store === 'regenerate')) {
      await this.runBeforeSave()
      decision = this.decide(explicit)
    }
    const { dropped, cookie } = decision.plan
    if (dropped) return this.drop(dropped, explicit)
    if (!(await this.#write(decision))) return this.drop('gone', explicit)
    if (cookie !== 'keep') this.cookie = cookie
  }

  /** The hook of the application, which may change the session further. */
  async runBeforeSave(): Promise<void> {
    const { beforeSave } = this.engine
    if (!beforeSave) return
    const session = this.session as unknown as HookSession
    await within(this, () => beforeSave(session, this.request.source))
  }

  /** False: the session is gone. */
  async #write({ plan: { store }, changes, body }: Decision): Promise<boolean> {
    const { engine, stored } = this
    const { source } = this.request
    const fields = (this.#session ?? {}) as Fields
    const seen = { body, fields: { ...fields } }
    switch (store) {
      case 'none':
        return true
      case 'destroy':
        await this.end()
        this.replace(null)
        return true
      case 'create':
        this.written(await create(engine, source, this.meta(), body, fields), seen)
        return true
      case 'touch':
        return this.touch()
      case 'update': {
        if (!stored) return false
        const lifetime = this.lifetime && this.meta()
        const meta = await update(engine, stored, { changes, body }, lifetime, fields)
        return meta !== undefined && this.written({ ...stored, meta, body }, seen)
      }
      case 'regenerate': {
        if (!stored) return false
        const lifetime = this.lifetime || this.provenAt ? this.meta() : undefined
        const fresh = this.keepData ? {} : { fresh: this.meta() }
        const next = { changes, body, lifetime, grace: this.grace, ...fresh }
        const successor = await regenerate(engine, source, stored, next, fields)
        return successor !== undefined && this.written(successor, seen)
      }
    }
  }

  /** What was written is what the next change is compared with. */
  written(stored: Stored, seen: Loaded = NOTHING): true {
    const { codec, onConflict } = this.engine
    // A resolver may have put other values into the session than were encoded before.
    const isResolved = typeof onConflict === 'function' && this.#session
    const body = isResolved ? changesOf('', isResolved, codec).body : stored.body
    noteActive(this.engine, this.request.source, stored, this.stored)
    this.stored = { ...stored, body }
    this.#loaded = isResolved ? NOTHING : seen
    this.standing = 'live'
    this.isConfirmed = true
    this.intent = 'keep'
    this.lifetime = undefined
    this.provenAt = undefined
    noteSize(this.engine, stored.handle, body)
    return true
  }

  /** Ends the session in the store; what the handler holds is no longer anything stored. */
  async end(): Promise<void> {
    const { stored, engine } = this
    if (stored) await end(engine, stored.handle, stored)
    else await Promise.all(this.presented.map((handle) => endPresented(engine, handle)))
    await endFormers(engine, this.request)
    this.standing = 'none'
    this.stored = undefined
    this.presented = []
    this.intent = 'keep'
    this.startAnew()
  }

  /** False: the session is gone. */
  async touch(): Promise<boolean> {
    const { stored, engine } = this
    if (!stored) return false
    const now = engine.clock.now()
    // Noted first, so that a second look within this request does not touch again.
    this.stored = { ...stored, meta: { ...stored.meta, lastSeenAt: now } }
    const touch = () => engine.store.touch(stored.handle, now, ownerOf(stored.meta))
    if ((await ask(engine, 'touch', touch)) === 'gone') return false
    noteActive(engine, this.request.source, stored, stored)
    return true
  }

  /** Tells once per request; throws where code awaits the save. */
  drop(reason: DropReason, explicit: boolean): void {
    if (reason === 'gone') this.standing = 'gone'
    if (!this.#isDropTold) {
      const handle = this.stored?.handle ?? this.presented[0]
      this.engine.events.tell('dropped', { handle, reason })
      this.#isDropTold = true
    }
    if (explicit) throw reason === 'head-sent' ? headSentError() : goneError()
  }

  /** What a verb does that found the session gone. */
  gone(): never {
    this.drop('gone', false)
    throw goneError()
  }

  /** One write after the other. */
  serially<Value>(work: () => Promise<Value>): Promise<Value> {
    // A verb that a hook awaits would wait for the write that waits for the hook.
    if (isWithin(this)) return Promise.reject(inHookError())
    if (this.unread) return Promise.reject(this.unread)
    this.#queue ??= new Queue()
    return this.#queue.run(work)
  }

  /** Resolves when no write is under way; undefined where none is. */
  get busy(): Promise<unknown> | undefined {
    return this.#queue?.busy
  }
}
