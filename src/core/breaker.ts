/**
 * Whether the store is asked at all: after some failures in a row it is not, until it has answered one
 * question of our own. What is refused meanwhile is refused at once.
 */
import { CircuitState, circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel'
import type { SessionEmitter } from './events.ts'
import type { HandstampError } from './errors.ts'

/** So many failures in a row, with no answer in between. */
const FAILURES = 5
/**
 * A failure says nothing of a store that has answered somebody within so many milliseconds: a part of a
 * Cluster may be down, and its calls fail together.
 */
const ALIVE = 100
/**
 * Milliseconds between two probes; spread, so that not all processes ask at once. A probe is one PING
 * in the background and no visitor's request, so it may come soon: normal again within a second.
 */
const PAUSE = { least: 150, spread: 150 }

export type BreakerState = 'closed' | 'open' | 'half-open'

export class Breaker {
  /** Nothing is asked. */
  isOpen = false
  readonly #events: SessionEmitter
  readonly #probe: () => Promise<unknown>
  readonly #circuit = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(FAILURES),
    // When to probe is said by the timer below: a system clock that is set back would hold it open.
    halfOpenAfter: -Infinity,
  })
  #isFailing = false
  #answeredAt = -Infinity
  #isProbing = false
  #openedAt = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** `probe` resolves when the store answers, and rejects after a while if it does not. */
  constructor(events: SessionEmitter, probe: () => Promise<unknown>) {
    this.#events = events
    this.#probe = probe
  }

  get state(): BreakerState {
    if (!this.isOpen) return 'closed'
    return this.#isProbing ? 'half-open' : 'open'
  }

  /** On every answer, at this time in milliseconds: costs nothing unless a failure came before. */
  answered(now: number): void {
    this.#answeredAt = now
    if (!this.#isFailing || this.isOpen) return
    this.#isFailing = false
    this.#circuit.execute(() => undefined).catch(() => undefined)
  }

  failed(error: HandstampError, now: number): void {
    if (this.isOpen || this.#isClosed || now - this.#answeredAt < ALIVE) return
    this.#isFailing = true
    void this.#count(error)
  }

  async #count(failure: HandstampError): Promise<void> {
    await this.#circuit.execute(() => Promise.reject(failure)).catch(() => undefined)
    if (this.#circuit.state === CircuitState.Open && !this.isOpen) this.#opened(failure)
  }

  #opened(error: HandstampError): void {
    this.isOpen = true
    this.#openedAt = performance.now()
    this.#events.tell('breakerOpened', { error })
    this.#probeLater()
  }

  #probeLater(): void {
    if (this.#isClosed) return
    const pause = PAUSE.least + Math.random() * PAUSE.spread
    this.#timer = setTimeout(() => this.#probeNow(), pause).unref()
  }

  #probeNow(): void {
    this.#isProbing = true
    this.#circuit.execute(this.#probe).then(
      () => this.#recovered(),
      () => {
        this.#isProbing = false
        this.#probeLater()
      },
    )
  }

  #recovered(): void {
    this.#isProbing = false
    this.#isFailing = false
    this.isOpen = false
    this.#events.tell('breakerClosed', { openFor: Math.round(performance.now() - this.#openedAt) })
  }

  /** No probe any more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }
}
