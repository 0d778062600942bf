/**
 * What has changed in Redis, and the proof that all of it was told.
 *
 * An open connection proves nothing: it may lead nowhere any more, or to a server that is no longer the
 * master. So the process publishes the time to itself, on the connection that its reads and writes
 * take, and hears it on the one that tells the changes, in order behind them: all that was acknowledged
 * before that time has then been told. The time is the one of sending, so it does not matter for how
 * long this process was too busy to hear of it.
 */
import { elapsed } from '../core/elapsed.ts'
import { randomText } from '../core/id.ts'
import type { Watch, WatchListener } from '../core/watch.ts'
import type { Driver } from './driver.ts'
import { beatChannel, handleOfKey } from './keys.ts'
import type { Hear, TrackingConnection } from './tracking-connection.ts'

/** Milliseconds until a connection that failed is made anew; twice as many after each that proved nothing. */
const RETRY = 200
const LONGEST_RETRY = 30_000
/** One that proves nothing for so long is given up, whatever it says of itself; milliseconds. */
const SILENCE = 5000
/** A client that is cut off queues what it is given: no more than so many beats. */
const MOST_PENDING = 4

/** One connection, from the attempt to open it to its end. */
interface Life {
  readonly began: number
  connection?: TrackingConnection
  /** Beats without an answer. */
  pending: number
}

export class Tracking implements Watch {
  completeUntil: number = -Infinity
  readonly #driver: Driver
  readonly #prefix: string
  readonly #channel: string
  readonly #listener: WatchListener
  readonly #beating: NodeJS.Timeout
  #life: Life | undefined
  #retry: NodeJS.Timeout | undefined
  #pause = RETRY
  #isLossTold = false

  constructor(driver: Driver, prefix: string, listener: WatchListener, interval: number) {
    this.#driver = driver
    this.#prefix = prefix
    this.#channel = beatChannel(prefix, randomText(22))
    this.#listener = listener
    this.#beating = setInterval(() => this.#beat(), interval).unref()
    void this.#open()
  }

  close(): void {
    clearInterval(this.#beating)
    clearTimeout(this.#retry)
    this.#life?.connection?.close()
    this.#life = undefined
  }

  async #open(): Promise<void> {
    const life: Life = { began: elapsed(), pending: 0 }
    this.#life = life
    try {
      const hear = this.#hearing(life)
      const connection = await this.#driver.track(this.#prefix, this.#channel, hear)
      if (this.#life !== life) return connection?.close()
      if (!connection) return this.close()
      life.connection = connection
    } catch (cause) {
      return this.#lost(life, cause)
    }
    // Nobody has told what changed before.
    this.#listener.changed(undefined)
    this.#isLossTold = false
    this.#beat()
  }

  #hearing(life: Life): Hear {
    return {
      keys: (keys) => {
        if (this.#life !== life) return
        if (!keys) return this.#listener.changed(undefined)
        for (const key of keys) {
          const handle = handleOfKey(this.#prefix, key)
          // One that was not asked for was not understood: any may have changed.
          if (handle || !key.startsWith(this.#prefix)) this.#listener.changed(handle)
        }
      },
      message: (text) => {
        const sentAt = Number(text)
        // What somebody else publishes here cannot reach into the future.
        if (this.#life?.connection && this.#life === life && sentAt <= elapsed())
          this.#prove(sentAt)
      },
      lost: (cause) => this.#lost(life, cause),
    }
  }

  #prove(until: number): void {
    this.completeUntil = Math.max(this.completeUntil, until)
    this.#pause = RETRY
  }

  #beat(): void {
    const life = this.#life
    if (!life) return
    const now = elapsed()
    if (now - Math.max(life.began, this.completeUntil) > SILENCE) {
      return this.#lost(life, new Error('Nothing is heard on it any more.'))
    }
    if (!life.connection || life.pending >= MOST_PENDING) return
    life.pending++
    // A failure is that of every other command too, and told there; here it is a proof that is missing.
    const sending = this.#driver.send(this.#channel, false, ['PUBLISH', this.#channel, String(now)])
    const answered = (): void => void life.pending--
    sending.then(answered, answered)
  }

  #lost(life: Life, cause: unknown): void {
    if (this.#life !== life) return
    life.connection?.close()
    this.#life = undefined
    this.#retry = setTimeout(() => void this.#open(), this.#pause).unref()
    this.#pause = Math.min(this.#pause * 2, LONGEST_RETRY)
    if (this.#isLossTold) return
    this.#isLossTold = true
    this.#listener.lost(cause)
  }
}
