/**
 * Calls that wait for the store, in the order in which their time runs out. One timer serves all of
 * them: a timer for each call would cost more than everything else that is done about it.
 */

/** How often somebody looks while calls wait, milliseconds. */
const TICK = 50
/** A timer that is so late was held up by this process. */
const LATE = 10

/** One call that waits; answered or expired, once. */
export class Deadline {
  at = 0
  isPending = false
  before: Deadline | undefined
  after: Deadline | undefined
  readonly expire: () => void

  constructor(expire: () => void) {
    this.expire = expire
  }
}

export class Deadlines {
  /** How many calls wait. */
  size = 0
  /** Calls wait, and for a while (a fifth of their time) none was answered. */
  isSlow = false
  readonly #patience: number
  #first: Deadline | undefined
  #last: Deadline | undefined
  #timer: NodeJS.Timeout | undefined
  #due = 0
  #held = 0
  #answeredAt = 0
  #isAnswered = false

  /** `limit`: how long a call may wait, milliseconds. */
  constructor(limit: number) {
    this.#patience = limit / 5
  }

  /**
   * Milliseconds, without those in which this process was too busy to read a reply: what the store
   * answered in time is not late because nobody looked.
   */
  now(): number {
    const now = performance.now() - this.#held
    // A timer that is overdue was not run: replies are read before it, and they must not seem late.
    if (!this.#timer || now <= this.#due + LATE) return now
    this.#held += now - this.#due
    return this.#due
  }

  add(entry: Deadline, at: number): void {
    entry.at = at
    entry.isPending = true
    // Nearly all have the same time to wait, so the place is nearly always the last.
    let before = this.#last
    while (before && before.at > at) before = before.before
    const after = before ? before.after : this.#first
    entry.before = before
    entry.after = after
    if (before) before.after = entry
    else this.#first = entry
    if (after) after.before = entry
    else this.#last = entry
    this.size++
    if (!this.#timer) {
      this.#answeredAt = this.now()
      this.#arm(Math.min(TICK, at - this.#answeredAt))
    } else if (entry === this.#first && at < this.#due) {
      clearTimeout(this.#timer)
      this.#arm(at - this.now())
    }
  }

  /** To be called with every answer, and with every failure. */
  remove(entry: Deadline): void {
    if (!entry.isPending) return
    this.#unlink(entry)
    this.#isAnswered = true
    this.isSlow = false
  }

  /** Nobody is waited for any more: all that is pending expires now. */
  expireAll(): void {
    while (this.#first) this.#expire(this.#first)
  }

  #unlink(entry: Deadline): void {
    const { before, after } = entry
    if (before) before.after = after
    else this.#first = after
    if (after) after.before = before
    else this.#last = before
    entry.before = undefined
    entry.after = undefined
    entry.isPending = false
    this.size--
  }

  #expire(entry: Deadline): void {
    this.#unlink(entry)
    entry.expire()
  }

  #arm(wait: number): void {
    const pause = Math.max(1, wait)
    this.#due = this.now() + pause
    this.#timer = setTimeout(() => this.#look(), pause)
  }

  #look(): void {
    // A reply may lie in the socket while this process was too busy to read it: let one poll pass.
    setImmediate(() => this.#sweep())
  }

  #sweep(): void {
    const now = this.now()
    this.#timer = undefined
    while (this.#first && this.#first.at <= now) this.#expire(this.#first)
    if (!this.#first) {
      this.isSlow = false
      return
    }
    if (this.#isAnswered) this.#answeredAt = now
    this.#isAnswered = false
    this.isSlow = now - this.#answeredAt >= this.#patience
    this.#arm(Math.min(TICK, this.#first.at - now))
  }
}

/** What one request may wait for the store, all its calls together. */
export class Waits {
  #pending = 0
  #since = 0
  #spent = 0
  #until = 0

  /**
   * A call begins: how much of the limit is left for it, milliseconds. What a request spent it gets
   * back while it does not wait, a tenth of the time, or a stream that lives for hours would run dry.
   */
  begin(now: number, limit: number): number {
    if (this.#pending++ === 0) {
      this.#spent = Math.max(0, this.#spent - (now - this.#until) / 10)
      this.#since = now
    }
    return limit - this.#spent - (now - this.#since)
  }

  end(now: number): void {
    if (--this.#pending > 0) return
    this.#spent += Math.max(0, now - this.#since)
    this.#until = now
  }
}
