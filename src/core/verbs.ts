/** The verbs of a session, carried out on the working copy of its request. */
import { noteActive } from './activity.ts'
import { csrfTokenOf, isCsrfTokenOf } from './csrf.ts'
import { withLine } from './lines.ts'
import type { Fields, Meta } from './document.ts'
import type { Duration } from './duration.ts'
import { incrementField, sumOf, updateField } from './field.ts'
import { requireFresh } from './fresh.ts'
import {
  goneError,
  headSentError,
  notIntegerError,
  notSignedInError,
  optionError,
} from './errors.ts'
import type { SessionId } from './id.ts'
import { checkLifetime, graceOf, resolveLifetime } from './lifetime.ts'
import { look, read } from './load.ts'
import { PrintableMeta } from './printable-meta.ts'
import { isReserved, reservedError } from './reserved.ts'
import { signInWith } from './request-sign-in.ts'
import { fill } from './session-object.ts'
import type { Behind } from './session-object.ts'
import type { LifetimeOptions, RegenerateOptions, SessionMeta, SignInOptions } from './session.ts'
import { checkedUserId } from './user.ts'
import type { WorkingCopy } from './working-copy.ts'

export class Verbs implements Behind {
  readonly #copy: WorkingCopy

  constructor(copy: WorkingCopy) {
    this.#copy = copy
  }

  meta(): SessionMeta {
    const { stored, intent, keepData } = this.#copy
    // One that goes on under a new id is found under its old handle until the save.
    const isOther = intent === 'regenerate' && !keepData
    return new PrintableMeta(
      isOther ? undefined : stored?.handle,
      intent === 'regenerate' ? undefined : stored?.id,
      this.#copy.meta(),
      !stored,
      (this.#copy.unread ?? this.#copy.stale) !== undefined,
    )
  }

  save(): Promise<void> {
    const copy = this.#copy
    return copy.serially(async () => {
      // Destroyed, and nothing assigned since: there is no session to save.
      if (copy.session === null && copy.intent !== 'destroy') throw goneError()
      await copy.save(true)
    })
  }

  reload(): Promise<void> {
    const copy = this.#copy
    return copy.serially(async () => {
      this.#refuseEnded()
      copy.lifetime = undefined
      // A new session without data is underway: what is stored is that of the old one.
      const isFresh = copy.intent === 'regenerate' && !copy.keepData
      if (!copy.stored || isFresh) return fill(this.#fields, {})
      const { loaded } = await read(copy.engine, copy.stored.handle, copy.stored.id)
      if (!loaded) return copy.gone()
      copy.stored = { ...loaded, formerId: copy.stored.formerId }
      copy.isConfirmed = true
      copy.stale = undefined
      fill(this.#fields, loaded.fields)
    })
  }

  touch(): Promise<void> {
    const copy = this.#copy
    return copy.serially(async () => {
      this.#refuseEnded()
      if (copy.stored && !(await copy.touch())) copy.gone()
    })
  }

  discard(): void {
    this.#copy.discarded = true
  }

  async regenerate(
    options: RegenerateOptions,
    replace: boolean,
    isProof: boolean = false,
  ): Promise<void> {
    const copy = this.#copy
    const { keepData = false, grace = 0, ...unknown } = options
    const [name] = Object.keys(unknown)
    if (name !== undefined) {
      throw optionError(`regenerate has no option '${name}'; it takes keepData and grace.`)
    }
    const graceMs = graceOf(grace)
    if (copy.unread) throw copy.unread
    // Not awaited where nothing is under way: what the handler does next belongs to the new session.
    if (copy.busy) await copy.busy
    if (copy.standing === 'moved' || copy.standing === 'gone') throw goneError()
    if (isProof && !copy.meta().signIn) throw notSignedInError()
    if (copy.headSent) throw headSentError()
    if (isProof) copy.provenAt = copy.engine.clock.now()
    const isSecond = copy.intent === 'regenerate'
    copy.intent = 'regenerate'
    copy.keepData = keepData && (copy.keepData || !isSecond)
    copy.grace = graceMs
    if (!keepData) copy.startAnew()
    const fields = keepData ? { ...this.#fields } : {}
    if (replace || !copy.session) copy.replace(fields)
    else fill(this.#fields, fields)
  }

  destroy(): Promise<void> {
    return this.#copy.serially(async () => {
      await this.#end()
      this.#copy.replace(null)
    })
  }

  signIn(userId: string, options: SignInOptions): Promise<void> {
    return this.#copy.serially(async () => signInWith(this.#copy, checkedUserId(userId), options))
  }

  signOut(): Promise<void> {
    return this.#copy.serially(async () => {
      await this.#end()
      fill(this.#fields, {})
    })
  }

  /** One that has ended already, by a first click, is done; the cookie is then that click's to clear. */
  async #end(): Promise<void> {
    const copy = this.#copy
    if (copy.standing === 'moved' || (await this.#hasMoved())) throw goneError()
    const hadClient = copy.stored !== undefined || copy.presented.length > 0
    const isEnded = copy.standing === 'ended' || copy.standing === 'gone'
    // If this fails, the end of the request tries again, and the client is not told of a success.
    if (hadClient && !isEnded) copy.intent = 'destroy'
    await copy.end()
    if (hadClient && !isEnded) copy.cookie = 'clear'
  }

  /** Found gone: ended, or going on under a new id that this request does not know. */
  async #hasMoved(): Promise<boolean> {
    const { engine, standing, stored } = this.#copy
    if (standing !== 'gone' || !stored) return false
    return (await look(engine, stored.handle)).standing === 'moved'
  }

  requireFresh(maxAge: Duration): void {
    requireFresh(this.#copy, maxAge)
  }

  reauthenticate(): Promise<void> {
    return this.regenerate({ keepData: true }, false, true)
  }

  setLifetime(lifetime: LifetimeOptions): void {
    const next = { ...this.#copy.lifetime, ...checkLifetime(lifetime) }
    resolveLifetime(next, this.#copy.meta())
    this.#copy.lifetime = next
  }

  update(field: string, change: (stored: unknown) => unknown): Promise<unknown> {
    return this.#atomically(field, change).then(({ value }) => value)
  }

  take(field: string): Promise<unknown> {
    return this.#atomically(field, () => undefined).then(({ before }) => before)
  }

  async increment(field: string, by: number): Promise<number> {
    const copy = this.#copy
    if (Object.keys(copy.engine.references).length > 0) {
      // The entry of a reference is written before the value, which must be known for that.
      const add = (stored: unknown): number => sumOf(field, stored, by)
      return (await this.#atomically(field, add)).value as number
    }
    const moving = this.#ready(field)
    if (moving) await moving
    if (!Number.isSafeInteger(by)) throw notIntegerError(field)
    const { stored } = copy
    if (!stored) {
      const sum = sumOf(field, this.#own(field), by)
      this.#fields[field] = sum
      return sum
    }
    const outcome = await copy.serially(() =>
      incrementField(copy.engine, stored, field, by, this.#fields),
    )
    if (outcome.kind === 'gone') return copy.gone()
    if (outcome.kind === 'not-integer') throw notIntegerError(field)
    this.#take(field, outcome.value, String(outcome.value), outcome.meta)
    return outcome.value
  }

  csrfToken(): Promise<string> {
    const copy = this.#copy
    return copy.serially(async () => {
      this.#refuseEnded()
      if (!this.#clientId) await copy.save(true)
      const id = this.#clientId
      if (!id) throw goneError()
      return csrfTokenOf(id)
    })
  }

  verifyCsrf(token: unknown): boolean {
    if (this.#copy.unread) throw this.#copy.unread
    const id = this.#isEnded ? undefined : this.#clientId
    return id !== undefined && isCsrfTokenOf(id, token)
  }

  async #atomically(
    field: string,
    change: (stored: unknown) => unknown,
  ): Promise<{ readonly value: unknown; readonly before: unknown }> {
    const copy = this.#copy
    const moving = this.#ready(field)
    if (moving) await moving
    if (!copy.stored) {
      // Nobody else knows this session yet.
      const before = this.#own(field)
      const changed = change(before)
      const value = changed instanceof Promise ? ((await changed) as unknown) : changed
      this.#set(field, value)
      return { value, before }
    }
    const outcome = await updateField(copy.engine, copy.stored, field, change, (work) =>
      copy.serially(work),
    )
    if (!outcome) return copy.gone()
    this.#take(field, outcome.value, outcome.to, outcome.meta)
    return outcome
  }

  /** The session is live or new, under the id that it will keep. */
  #ready(field: string): Promise<void> | undefined {
    const copy = this.#copy
    if (isReserved(field)) throw reservedError(field)
    this.#refuseEnded()
    return copy.stored && copy.intent === 'regenerate'
      ? copy.serially(() => copy.save(true))
      : undefined
  }

  #refuseEnded(): void {
    if (this.#copy.unread) throw this.#copy.unread
    if (this.#isEnded) throw goneError()
  }

  get #isEnded(): boolean {
    const { standing, session, intent } = this.#copy
    const isOver = standing === 'moved' || standing === 'gone' || session === null
    return isOver || (standing === 'ended' && intent === 'keep')
  }

  /** What the client sends from now on; undefined while a new id waits for the save. */
  get #clientId(): SessionId | undefined {
    const { intent, stored } = this.#copy
    return intent === 'regenerate' ? undefined : (stored?.id ?? stored?.formerId)
  }

  /** What the store holds now is what this request holds, and what its next change is compared with. */
  #take(field: string, value: unknown, text: string, meta: Meta): void {
    const copy = this.#copy
    const { stored } = copy
    if (stored) {
      noteActive(copy.engine, copy.request.source, stored, stored)
      const body = withLine(stored.body, JSON.stringify(field), text)
      copy.stored = { ...stored, meta, body }
    }
    this.#set(field, value)
  }

  /** A field of the data, nothing that every object inherits. */
  #own(field: string): unknown {
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined
  }

  #set(field: string, value: unknown): void {
    if (value === undefined) delete this.#fields[field]
    else this.#fields[field] = value
  }

  get #fields(): Fields {
    return (this.#copy.session ?? {}) as unknown as Fields
  }
}
