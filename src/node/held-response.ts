/**
 * Keeps a node:http response back until the session it depends on is saved: no byte, redirects
 * included, leaves before, and if the save fails the handler's answer does not leave at all.
 *
 * The first call that would send the head settles the session. Where there is nothing to save it goes
 * through at once; otherwise it and all that follow wait their turn.
 */
import type { ServerResponse } from 'node:http'
import type { Visit } from '../core/visit.ts'
import { drainSignal } from './drain.ts'
import { answerFailure, breakOff, resetResponse } from './failure.ts'
import { freezeHead, headSentError, whenTouched } from './head.ts'
import { addLines } from './header-lines.ts'
import { holderOf, isFront, standInFront, takeOver } from './senders.ts'
import type { Front, Holder, Verb, Waits } from './senders.ts'

interface Call {
  readonly verb: Verb
  readonly args: readonly unknown[]
}

type Stage =
  /** Nothing was sent yet. */
  | 'open'
  /** The head waits for the save; to the handler it has left. */
  | 'held'
  | 'sent'
  /** The save failed: the handler is not heard any more, and no answer to the error has begun. */
  | 'failed'
  | 'answering'
  /** The answer to the error is complete. */
  | 'answered'

const NO_ARGS: readonly unknown[] = []

/** What decides on a response: whether it waits, and what its head says of the session. */
type Settling<Data extends object> = Pick<Visit<Data>, 'settle' | 'headerLines'>

/**
 * `onFailure` answers instead of the handler, through the same response. `home` is the prototype that
 * the framework lends its responses.
 */
export function holdResponse<Data extends object>(
  response: ServerResponse,
  visit: Settling<Data>,
  onFailure: (error: unknown) => void,
  home?: object,
): void {
  void new HeldResponse(response, visit, onFailure, home)
}

class HeldResponse<Data extends object> implements Holder {
  readonly #response: ServerResponse
  readonly #visit: Settling<Data>
  readonly #onFailure: (error: unknown) => void
  readonly #home: object | undefined
  readonly front: Front
  #stage: Stage
  #hasLines: boolean
  /** The calls that wait for the save; undefined while none is under way. */
  #waiting: Call[] | undefined
  #owesDrain = false
  readonly #drain: (() => void) | undefined
  #failure: unknown
  /** What the framework does right now is its answer to the error. */
  #isFailing = false
  /** The one that held the response first. */
  readonly #first: HeldResponse<object>
  /** Of the first: it sends right now. node:http makes one call out of another, through the outermost sender. */
  #isSending = false
  #restore: (() => void) | undefined

  constructor(
    response: ServerResponse,
    visit: Settling<Data>,
    onFailure: (error: unknown) => void,
    home: object | undefined,
  ) {
    this.#response = response
    this.#visit = visit
    this.#onFailure = onFailure
    this.#home = home
    this.#first = (holderOf(response) as HeldResponse<object> | undefined) ?? this
    this.front = standInFront(response, this, home)
    this.#drain = drainSignal(response)
    this.#stage = response.headersSent ? 'sent' : 'open'
    this.#hasLines = response.headersSent
  }

  get waits(): Waits {
    if (this.#stage !== 'held' || !this.#waiting) return undefined
    return this.#isEnded ? 'whole' : 'begun'
  }

  write(args: readonly unknown[]): unknown {
    const result = this.#call('write', args)
    if (result === undefined) this.#owesDrain = true
    return result ?? false
  }

  writeHead(args: readonly unknown[]): ServerResponse {
    if (this.#stage === 'sent') this.#run('writeHead', args)
    else if (this.#stage !== 'held') this.#call('writeHead', args)
    // Without headers it may be a wrapper that looks at more than headersSent, for each chunk.
    else if (args.length > 1 && !this.#isEnded) throw headSentError(this.#response)
    return this.#response
  }

  end(args: readonly unknown[]): ServerResponse {
    this.#call('end', args)
    return this.#response
  }

  flushHeaders(): void {
    this.#call('flushHeaders', NO_ARGS)
  }

  /** Undefined: the call waits, or is not heard. */
  #call(verb: Verb, args: readonly unknown[]): unknown {
    if (this.#stage === 'answered')
      return this.#first.#isSending ? this.#send(verb, args) : this.#ignore(args)
    if (this.#stage === 'failed') {
      if (!this.#isFailing && verb !== 'writeHead') return this.#interrupt(verb, args)
      this.#beginAnswer()
    }
    if (this.#waiting) {
      if (this.#isEnded) return this.#ignore(args, writeAfterEndError())
      return void this.#waiting.push({ verb, args })
    }
    const isFirst = this.#stage === 'open'
    const saving = isFirst || verb === 'end' ? this.#visit.settle() : undefined
    if (!saving) return this.#run(verb, args)
    this.#waiting = [{ verb, args }]
    if (isFirst) this.#freeze()
    saving.then(
      () => this.#release(),
      (error: unknown) => this.#fail(error),
    )
    return undefined
  }

  #run(verb: Verb, args: readonly unknown[]): unknown {
    if (this.#stage === 'open') this.#stage = 'sent'
    const isHead = verb === 'writeHead'
    const headArgs = this.#addLines(isHead ? args : NO_ARGS)
    const result = this.#send(verb, isHead ? headArgs : args)
    if (this.#stage === 'answering' && verb === 'end') this.#stage = 'answered'
    return result
  }

  #send(verb: Verb, args: readonly unknown[]): unknown {
    const first = this.#first
    const isOutermost = !first.#isSending
    first.#isSending = true
    try {
      return Reflect.apply(this.front.native[verb], this.#response, args)
    } finally {
      if (isOutermost) first.#isSending = false
    }
  }

  #addLines(headArgs: readonly unknown[]): readonly unknown[] {
    if (this.#hasLines) return headArgs
    this.#hasLines = true
    return addLines(this.#response, this.#visit, headArgs)
  }

  #freeze(): void {
    this.#stage = 'held'
    this.#restore = freezeHead(this.#response, this, this.#home)
  }

  /** The whole answer waits: what comes now would be a second one. */
  get #isEnded(): boolean {
    return this.#waiting?.some(({ verb }) => verb === 'end') === true
  }

  #release(): void {
    const calls = this.#taken()
    if (this.#stage === 'held') this.#stage = 'open'
    try {
      // The first one has settled; what follows may find more to save, and the rest waits behind it.
      for (let next = calls.shift(), run = true; next; next = calls.shift(), run = false) {
        if (run) this.#run(next.verb, next.args)
        else this.#call(next.verb, next.args)
        if (this.#waiting) return void this.#waiting.push(...calls)
      }
    } catch (error) {
      // What the handler would have caught, had its call not been held.
      this.#waiting = calls
      return this.#fail(error)
    }
    const owesDrain = this.#owesDrain && !this.#response.writableNeedDrain
    this.#owesDrain = false
    if (!owesDrain) return
    if (this.#drain) this.#drain()
    else this.#response.emit('drain')
  }

  #fail(error: unknown): void {
    const response = this.#response
    this.#failure = error
    this.#owesDrain = false
    for (const { args } of this.#taken()) this.#ignore(args)
    if (response.headersSent) return breakOff(response)
    this.#stage = 'answered'
    if (isGone(response)) return
    resetResponse(response, error)
    if (!isFront(response, this.front)) return this.#answerAlone()
    this.#stage = 'failed'
    this.#restore = whenTouched(response, () => this.#beginAnswer())
    this.#isFailing = true
    this.#onFailure(error)
    this.#isFailing = false
  }

  #beginAnswer(): void {
    this.#restore?.()
    this.#stage = 'answering'
  }

  /**
   * A call between the failure and the framework's answer to it. An answer says its status or a header
   * first, so this is the handler going on; if it ends, so does the request.
   */
  #interrupt(verb: Verb, args: readonly unknown[]): false {
    if (verb === 'end') answerFailure(this.#response, this.#failure)
    return this.#ignore(args)
  }

  /** A middleware in between (compression) has begun to encode the body that is not sent: past it. */
  #answerAlone(): void {
    this.#stage = 'answering'
    takeOver(this.#response, this.front.held)
    answerFailure(this.#response, this.#failure)
  }

  #ignore(args: readonly unknown[], reason = this.#failure): false {
    const callback = args.at(-1)
    if (typeof callback === 'function') process.nextTick(callback, reason)
    return false
  }

  #taken(): Call[] {
    const calls = this.#waiting ?? []
    this.#waiting = undefined
    this.#restore?.()
    this.#restore = undefined
    return calls
  }
}

function writeAfterEndError(): Error {
  const error = new Error('The response has ended already')
  return Object.assign(error, { code: 'ERR_STREAM_WRITE_AFTER_END' })
}

/** The client went away; for http2 the stream says so. */
function isGone(response: ServerResponse): boolean {
  const { stream } = response as { stream?: { destroyed?: boolean } }
  return response.destroyed || stream?.destroyed === true
}
