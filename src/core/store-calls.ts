/**
 * Every call to the store goes through here: it is refused where asking is no use, waits no longer than
 * it may, is repeated once where that can help, and its failure has a code.
 */
import { Breaker } from './breaker.ts'
import { Deadline, Deadlines } from './deadline.ts'
import type { Waits } from './deadline.ts'
import { closedError, HandstampError } from './errors.ts'
import type { SessionEmitter } from './events.ts'
import type { Store } from './store.ts'
import { faultOf, pingOf } from './store-health.ts'

/** While the store is slow so many calls wait, and what comes on top is refused. */
const MOST_WAITING = 200
/** Milliseconds before the one repetition, spread: a connection is up again, a failover is over. */
const PAUSE = { least: 50, spread: 25 }
/** Repetitions are a tenth of all calls at most, so that an outage does not double the load. */
const SHARE = 0.1
const MOST_REPETITIONS = 10

export interface Patience {
  readonly storeTimeout: number
  /** What the request has waited already; undefined outside of requests. */
  readonly waits?: Waits | undefined
}

export class StoreCalls {
  readonly breaker: Breaker
  readonly #store: Store
  readonly #events: SessionEmitter
  readonly #waiting: Deadlines
  #repetitions = MOST_REPETITIONS
  #isClosed = false

  constructor(store: Store, events: SessionEmitter, storeTimeout: number) {
    this.#store = store
    this.#events = events
    this.#waiting = new Deadlines(storeTimeout)
    this.breaker = new Breaker(events, pingOf(store, storeTimeout))
  }

  /** How many calls wait for an answer. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** `isRepeatable`: it may take effect twice, which is the same as once. */
  ask<Reply>(
    { storeTimeout, waits }: Patience,
    operation: string,
    work: () => Promise<Reply>,
    isRepeatable: boolean,
  ): Promise<Reply> {
    const refusal = this.#refusal()
    if (refusal) return Promise.reject(this.#told(operation, refusal))
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting
      const now = waiting.now()
      const left = waits ? waits.begin(now, storeTimeout) : storeTimeout
      let isFirst = true
      const fail = (error: HandstampError): void => {
        waits?.end(waiting.now())
        reject(this.#told(operation, error))
      }
      const entry = new Deadline(() => {
        if (this.#isClosed) return fail(closedError())
        const error = timeoutError(storeTimeout)
        // What the request had left was too little to say anything of the store.
        if (left >= storeTimeout / 2) this.breaker.failed(error, waiting.now())
        fail(error)
      })
      const run = (): void => {
        begun(work).then(
          (reply) => {
            if (!entry.isPending) return
            waiting.remove(entry)
            const then = waiting.now()
            waits?.end(then)
            this.breaker.answered(then)
            resolve(reply)
          },
          (cause: unknown) => {
            if (!entry.isPending) return
            if (isFirst && this.#isWorthRepeating(cause, isRepeatable, entry.at)) {
              isFirst = false
              setTimeout(() => entry.isPending && run(), PAUSE.least + Math.random() * PAUSE.spread)
              return
            }
            waiting.remove(entry)
            fail(this.#failed(cause))
          },
        )
      }
      if (left <= 0) return fail(timeoutError(storeTimeout))
      if (this.#repetitions < MOST_REPETITIONS) this.#repetitions += SHARE
      waiting.add(entry, now + left)
      run()
    })
  }

  #refusal(): HandstampError | undefined {
    if (this.#isClosed) return closedError()
    if (this.breaker.isOpen) return unavailableError()
    return this.#waiting.isSlow && this.#waiting.size >= MOST_WAITING ? tooManyError() : undefined
  }

  #isWorthRepeating(cause: unknown, isRepeatable: boolean, until: number): boolean {
    const fault = faultOf(this.#store, cause)
    if (fault === 'refused' || (fault === 'lost' && !isRepeatable)) return false
    if (this.#repetitions < 1 || this.breaker.isOpen || this.#isClosed) return false
    if (this.#waiting.now() + PAUSE.least + PAUSE.spread >= until) return false
    this.#repetitions--
    return true
  }

  #failed(cause: unknown): HandstampError {
    const error = storeError(cause)
    const fault = faultOf(this.#store, cause)
    const now = this.#waiting.now()
    if (fault === 'lost' || fault === 'down') this.breaker.failed(error, now)
    else this.breaker.answered(now)
    return error
  }

  #told(operation: string, error: HandstampError): HandstampError {
    this.#events.tell('storeFailed', { operation, error })
    return error
  }

  /** What waits fails with ERR_CLOSED, and so does what comes. */
  close(): void {
    this.#isClosed = true
    this.breaker.close()
    this.#waiting.expireAll()
  }
}

/** What a store throws at once is a failure like any other. */
function begun<Reply>(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}

function timeoutError(limit: number): HandstampError {
  return new HandstampError(
    'ERR_STORE_TIMEOUT',
    `The session store did not answer within ${limit} ms (storeTimeout). ` +
      'Whether a write took effect is unknown. Look at the state of Redis and of the connection.',
  )
}

function unavailableError(): HandstampError {
  return new HandstampError(
    'ERR_STORE_UNAVAILABLE',
    'The session store failed several times in a row and was not asked; nothing was written. ' +
      'It is asked again in the background. Look at the state of Redis and of the connection.',
  )
}

function tooManyError(): HandstampError {
  return new HandstampError(
    'ERR_STORE_UNAVAILABLE',
    `${MOST_WAITING} calls wait for the session store and none is answered, so it was not asked; ` +
      'nothing was written. Look at the state of Redis and of the connection.',
  )
}

function storeError(cause: unknown): HandstampError {
  if (cause instanceof HandstampError) return cause
  return new HandstampError('ERR_STORE', 'The session store failed; `cause` says how.', { cause })
}
