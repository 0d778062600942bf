/** The verbs of a session, carried out on the working copy of its request. */
import { withLine } from './document.ts'
import type { Fields, Meta } from './document.ts'
import { milliseconds } from './duration.ts'
import { incrementField, updateField } from './field.ts'
import { goneError, HandstampError, headSentError, optionError } from './errors.ts'
import type { Handle, SessionId } from './id.ts'
import { checkLifetime } from './lifetime.ts'
import { read } from './load.ts'
import { expiryOf } from './policy.ts'
import { isReserved, reservedError } from './reserved.ts'
import { fill } from './session.ts'
import type { Behind, LifetimeOptions, RegenerateOptions, SessionMeta } from './session.ts'
import type { WorkingCopy } from './working-copy.ts'
import type { Stored } from './write.ts'

/** The tombstone of a moved session lives this long, so no grace can be longer. */
const MOST_GRACE = 30_000

export class Verbs implements Behind {
  readonly #copy: WorkingCopy

  constructor(copy: WorkingCopy) {
    this.#copy = copy
  }

  meta(): SessionMeta {
    const { stored, intent } = this.#copy
    return new PrintableMeta(
      intent === 'regenerate' ? undefined : stored,
      this.#copy.meta(),
      !stored,
    )
  }

  save(): Promise<void> {
    return this.#copy.serially(() => this.#copy.save(true))
  }

  reload(): Promise<void> {
    const copy = this.#copy
    return copy.serially(async () => {
      this.#refuseEnded()
      if (!copy.stored) return fill(this.#fields, {})
      const { loaded } = await read(copy.engine, copy.stored.handle, copy.stored.id)
      if (!loaded) return copy.gone()
      copy.stored = loaded
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
    { keepData = false, grace = 0 }: RegenerateOptions,
    replace: boolean,
  ): Promise<void> {
    const copy = this.#copy
    const graceMs = graceOf(grace)
    await copy.busy
    if (copy.standing === 'moved' || copy.standing === 'gone') throw goneError()
    if (copy.headSent) throw headSentError()
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
    const copy = this.#copy
    return copy.serially(async () => {
      if (copy.standing === 'moved') throw goneError()
      const hadClient = copy.stored !== undefined || copy.presented.length > 0
      const isEnded = copy.standing === 'ended' || copy.standing === 'gone'
      await copy.end()
      if (hadClient && !isEnded) copy.cookie = 'clear'
    })
  }

  setLifetime(lifetime: LifetimeOptions): void {
    this.#copy.lifetime = { ...this.#copy.lifetime, ...checkLifetime(lifetime) }
  }

  update(field: string, change: (stored: unknown) => unknown): Promise<unknown> {
    return this.#atomically(field, change).then(({ value }) => value)
  }

  take(field: string): Promise<unknown> {
    return this.#atomically(field, () => undefined).then(({ before }) => before)
  }

  increment(field: string, by: number): Promise<number> {
    const copy = this.#copy
    return copy.serially(async () => {
      await this.#ready(field)
      if (!Number.isSafeInteger(by)) throw notIntegerError(field)
      if (!copy.stored) {
        const sum = ((this.#fields[field] as number | undefined) ?? 0) + by
        if (!Number.isSafeInteger(sum)) throw notIntegerError(field)
        this.#fields[field] = sum
        return sum
      }
      const outcome = await incrementField(copy.engine, copy.stored, field, by, this.#fields)
      if (outcome.kind === 'gone') return copy.gone()
      if (outcome.kind === 'not-integer') throw notIntegerError(field)
      this.#take(field, outcome.value, String(outcome.value), outcome.meta)
      return outcome.value
    })
  }

  #atomically(
    field: string,
    change: (stored: unknown) => unknown,
  ): Promise<{ readonly value: unknown; readonly before: unknown }> {
    const copy = this.#copy
    return copy.serially(async () => {
      await this.#ready(field)
      if (!copy.stored) {
        // Nobody else knows this session yet.
        const before = this.#fields[field]
        const value = await change(before)
        this.#set(field, value)
        return { value, before }
      }
      const outcome = await updateField(copy.engine, copy.stored, field, change)
      if (!outcome) return copy.gone()
      this.#take(field, outcome.value, outcome.to, outcome.meta)
      return outcome
    })
  }

  /** The session is live or new, under the id that it will keep. */
  async #ready(field: string): Promise<void> {
    if (isReserved(field)) throw reservedError(field)
    this.#refuseEnded()
    if (this.#copy.stored && this.#copy.intent === 'regenerate') await this.#copy.save(true)
  }

  #refuseEnded(): void {
    const { standing, session, intent } = this.#copy
    const isOver = standing === 'moved' || standing === 'gone' || session === null
    if (isOver || (standing === 'ended' && intent === 'keep')) throw goneError()
  }

  /** What the store holds now is what this request holds, and what its next change is compared with. */
  #take(field: string, value: unknown, text: string, meta: Meta): void {
    const copy = this.#copy
    if (copy.stored) {
      copy.stored = {
        ...copy.stored,
        meta,
        body: withLine(copy.stored.body, JSON.stringify(field), text),
      }
    }
    this.#set(field, value)
  }

  #set(field: string, value: unknown): void {
    if (value === undefined) delete this.#fields[field]
    else this.#fields[field] = value
  }

  get #fields(): Fields {
    return (this.#copy.session ?? {}) as unknown as Fields
  }
}

/** The id is the client's secret: there for who asks, invisible to who prints, copies or serialises. */
class PrintableMeta implements SessionMeta {
  readonly #id: SessionId | undefined
  readonly handle: Handle | undefined
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
  readonly idleDeadline: Date
  readonly absoluteDeadline: Date
  readonly persistent: boolean
  readonly isNew: boolean

  constructor(current: Stored | undefined, meta: Meta, isNew: boolean) {
    this.#id = current?.id
    this.handle = current?.handle
    this.createdAt = new Date(meta.createdAt)
    this.lastSeenAt = new Date(meta.lastSeenAt)
    this.expiresAt = new Date(expiryOf(meta))
    this.idleDeadline = new Date(meta.lastSeenAt + meta.idleTimeout)
    this.absoluteDeadline = new Date(meta.absoluteDeadline)
    this.persistent = meta.persistent
    this.isNew = isNew
  }

  get id(): SessionId | undefined {
    return this.#id
  }
}

function graceOf(grace: RegenerateOptions['grace']): number {
  if (grace === undefined || grace === 0) return 0
  const value = milliseconds('grace', grace)
  if (value <= MOST_GRACE) return value
  throw optionError(
    'grace must be at most 30 s: it is meant for requests that are under way already.',
  )
}

function notIntegerError(field: string): HandstampError {
  return new HandstampError(
    'ERR_NOT_INTEGER',
    `increment needs safe integers: the field '${field}', the step or the sum is not one. Use session.update() for other numbers.`,
    { fields: [field] },
  )
}
