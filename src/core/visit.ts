/** One request's dealings with its session: opened before the handler, settled before the response leaves. */
import { isEmptied } from './changes.ts'
import type { Engine, HookSession } from './engine.ts'
import { HandstampError, optionError } from './errors.ts'
import { adopt, formerLines, hasFormer } from './former.ts'
import type { FormerSessions } from './former.ts'
import type { SessionId } from './id.ts'
import { findSession, look, presentedBy } from './load.ts'
import type { Found } from './load.ts'
import { foundWithout, isOutage, policyFor } from './outage.ts'
import type { Decision } from './plan.ts'
import { expiryOf } from './policy.ts'
import { recall } from './recall.ts'
import { isReserved, reservedError } from './reserved.ts'
import type { Session } from './session.ts'
import type { Claim, HeaderLine, Instruction, RequestHead } from './transport.ts'
import { Verbs } from './verbs.ts'
import { WorkingCopy } from './working-copy.ts'

const verbsOf = (copy: WorkingCopy): Verbs => new Verbs(copy)
const NO_LINES: readonly HeaderLine[] = []

/** How many requests have begun and have not settled. */
export interface OpenRequests {
  count: number
}

export class Visit<Data extends object> {
  /** That of the engine that was mounted before, on the same request. */
  behind: Visit<object> | undefined
  /** The property of the request that shows the session. */
  shownAs: string | undefined
  /** Counts it while it is open; the same for all visits of an engine. */
  readonly countedBy: OpenRequests
  readonly #engine: Engine
  #isCounted = true
  readonly #request: RequestHead
  readonly #copy: WorkingCopy
  #opening: Promise<void> | undefined
  /** Assigned before the session was loaded. */
  #assigned: { readonly value: object | null } | undefined
  #abandoned = false
  /** The other package whose session went on in this request. */
  #adopted: FormerSessions | undefined
  #isCookieFresh = true

  constructor(engine: Engine, request: RequestHead, open: OpenRequests) {
    this.#engine = engine
    this.countedBy = open
    open.count++
    this.#request = request
    this.#copy = new WorkingCopy(engine, request, verbsOf)
  }

  /** Finds the session; undefined where there is nothing to wait for. Rejects with ERR_STORE, ERR_STORE_TIMEOUT. */
  open(): Promise<void> | undefined {
    if (this.#isOpen) return undefined
    if (this.#opening) return this.#opening
    const claim = this.#engine.transport.read(this.#request)
    const isStranger = claim.ids.length === 0 && !claim.rejected
    if (isStranger && !hasFormer(this.#engine, this.#request)) {
      this.#copy.found('none')
      return undefined
    }
    const recalled = recall(this.#engine, claim)
    if (recalled && !this.#engine.validate) {
      this.#copy.presented = presentedBy(claim)
      this.#copy.found(recalled.standing, recalled.loaded)
      return undefined
    }
    this.#opening = this.#find(claim, recalled).then(
      () => {
        this.#opening = undefined
      },
      (error: unknown) => {
        this.#opening = undefined
        this.leave()
        throw error
      },
    )
    return this.#opening
  }

  async #find(claim: Claim, recalled: Found | undefined): Promise<void> {
    const copy = this.#copy
    const { standing, loaded } = recalled ?? (await this.#lookFor(claim))
    copy.presented = presentedBy(claim)
    copy.found(standing, loaded)
    const { validate, events } = this.#engine
    if (!validate || !loaded) return
    try {
      if (await validate(copy.session as unknown as HookSession, this.#request.source)) return
    } catch (error) {
      copy.found(undefined)
      throw error
    }
    events.tell('rejected', { reason: 'validate', handle: loaded.handle })
    copy.found('none')
    copy.presented = []
    copy.cookie = 'keep'
    this.#isCookieFresh = true
  }

  async #lookFor(claim: Claim): Promise<Found> {
    const copy = this.#copy
    try {
      const found = await findSession(this.#engine, claim)
      return (found.standing === 'none' ? await this.#adopt() : undefined) ?? found
    } catch (error) {
      if (!isOutage(error)) throw error
      const found = this.#without(claim)
      if (!found) throw error
      if (found.loaded) copy.stale = error
      else copy.unread = error
      return found
    }
  }

  #without(claim: Claim): Found | undefined {
    const policy = policyFor(this.#engine, this.#request.source)
    return policy === 'error' ? undefined : foundWithout(this.#engine, policy, claim)
  }

  /** Nothing of ours was found: perhaps a session of another package goes on. */
  async #adopt(): Promise<Found | undefined> {
    const adopted = await adopt(this.#engine, this.#request)
    if (!adopted) return undefined
    this.#adopted = adopted.source
    if (adopted.isCookieDue) {
      this.#copy.cookie = 'set'
      this.#isCookieFresh = false
    }
    return adopted
  }

  /** Opens and returns the session; null after it was destroyed. */
  async load(): Promise<Session<Data> | null> {
    await this.open()
    return this.session
  }

  /** The id that the client holds or will hold; undefined while there is none. */
  get id(): SessionId | undefined {
    return this.#copy.intent === 'regenerate' ? undefined : this.#copy.stored?.id
  }

  /** The session, null after it was destroyed. Throws ERR_NOT_LOADED. */
  get session(): Session<Data> | null {
    if (!this.#isOpen) throw notLoadedError()
    this.#adoptAssigned()
    return this.#copy.session as Session<Data> | null
  }

  /** Replaces all data; null destroys the session at the end of the request. Throws ERR_RESERVED_NAME. */
  assign(value: unknown): void {
    const fields = value ?? null
    if (typeof fields !== 'object' || Array.isArray(fields) || (fields && isEmptied(fields))) {
      throw optionError(
        'A session can be assigned an object with its new data, or null to destroy it.',
      )
    }
    const reserved = Object.keys(fields ?? {}).find(isReserved)
    if (reserved !== undefined) throw reservedError(reserved)
    this.#assigned = { value: fields }
    if (this.#isOpen) this.#adoptAssigned()
  }

  /** Found, and found to be valid. */
  get #isOpen(): boolean {
    return this.#copy.standing !== undefined && !this.#opening
  }

  #adoptAssigned(): void {
    const copy = this.#copy
    if (!this.#assigned) return
    const { value } = this.#assigned
    this.#assigned = undefined
    if (value !== null && value === (copy.session as object | null)) return
    if (value === null) copy.intent = 'destroy'
    else if (copy.intent === 'destroy') {
      // Null, then an object: the old session ends all the same.
      copy.intent = 'regenerate'
      copy.keepData = false
      copy.startAnew()
    }
    copy.replace(value)
  }

  /**
   * Writes what the request did; undefined where there is nothing to wait for. To be called before
   * the first byte of the response and again before the last.
   */
  settle(): Promise<void> | undefined {
    const settling = this.#settle()
    if (!this.#isCounted) return settling
    if (settling) return settling.finally(() => this.leave())
    this.leave()
    return undefined
  }

  /** For adapters: this request will not settle any more, so that nobody waits for it. */
  leave(): void {
    if (this.#isCounted) this.countedBy.count--
    this.#isCounted = false
  }

  #settle(): Promise<void> | undefined {
    const copy = this.#copy
    if (this.#abandoned) return undefined
    if (copy.busy) return copy.busy.then(() => this.#settle())
    if (!this.#isCookieFresh) return this.#lastly(this.#refresh().then(() => this.#settle()))
    if (this.#assigned)
      return this.#lastly(this.load().then(() => copy.serially(() => copy.save(false))))
    if (!this.#isOpen || copy.isIdle) return undefined
    let decision: Decision
    try {
      decision = copy.decide(false)
    } catch (error) {
      return this.#lastly(Promise.reject(error))
    }
    const { store, cookie, dropped } = decision.plan
    if (dropped) {
      this.#abandoned = true
      copy.drop(dropped, false)
    }
    if (store === 'none') return undefined
    if (store !== 'touch' || cookie !== 'keep')
      return this.#lastly(copy.serially(() => copy.save(false, decision)))
    // The response does not wait for a touch; a failure is told as an event, and the next request tries again.
    copy.touch().catch(() => undefined)
    return undefined
  }

  /**
   * The id that was taken over is old news by the time a slow request answers: where the session has
   * ended or moved meanwhile, a newer cookie is on its way, or none is due.
   */
  async #refresh(): Promise<void> {
    const copy = this.#copy
    this.#isCookieFresh = true
    if (copy.cookie !== 'set' || !copy.stored) return
    const { loaded } = await look(this.#engine, copy.stored.handle)
    if (!loaded) copy.cookie = 'keep'
  }

  /** After a failure the response tells of an error; what it did not save is not tried again with that. */
  #lastly(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#abandoned = true
      throw error
    })
  }

  /**
   * The header lines that carry the outcome; from here on no cookie can be set. `cacheControlOf` is
   * asked only where there are any.
   */
  headerLines(cacheControlOf?: () => string | undefined): readonly HeaderLine[] {
    const copy = this.#copy
    const { cookie, stored } = copy
    copy.headSent = true
    if (cookie === 'keep') return NO_LINES
    copy.cookie = 'keep'
    const cacheControl = cacheControlOf?.()
    const { rolling, events } = this.#engine
    if (cacheControl !== undefined && /\b(public|s-maxage)\b/i.test(cacheControl)) {
      events.tell('cacheConflict', { value: cacheControl })
    }
    if (cookie === 'clear' || !stored?.id) return this.#lines({ kind: 'clear' })
    const { id, meta } = stored
    const until = meta.persistent ? { until: rolling ? expiryOf(meta) : meta.absoluteDeadline } : {}
    return this.#lines({ kind: 'set', id, ...until })
  }

  #lines(instruction: Instruction): readonly HeaderLine[] {
    const { transport, clock } = this.#engine
    const lines = transport.write(this.#request, instruction, clock.now())
    return [...lines, ...formerLines(this.#engine, this.#request, instruction, this.#adopted)]
  }
}

function notLoadedError(): HandstampError {
  return new HandstampError(
    'ERR_NOT_LOADED',
    'The session has not been loaded yet: this route is lazy. Use `const session = await getSession(ctx)` (or req).',
  )
}
