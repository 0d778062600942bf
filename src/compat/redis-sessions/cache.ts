/** Sessions that this process has read lately, until another one says that they have changed. */
import { LRUCache } from 'lru-cache'
import type { Driver } from '../../redis/driver.ts'
import type { Session } from './record.ts'

export class SessionCache {
  readonly #sessions: LRUCache<string, Session>
  /** Reads under way: what is dropped meanwhile is old when it arrives. */
  readonly #reads = new Map<string, symbol>()
  readonly #close: () => Promise<void>
  #isListening = false

  constructor(driver: Driver, channel: string, seconds: number, max: number) {
    this.#sessions = new LRUCache({ max, ttl: seconds * 1000 })
    const { ready, close } = driver.subscribe(channel, {
      message: (name) => this.drop(name),
      // What was said meanwhile was not heard.
      lost: () => {
        this.#sessions.clear()
        this.#reads.clear()
      },
    })
    ready.then(
      () => (this.#isListening = true),
      () => undefined,
    )
    this.#close = close
  }

  /** From the cache, or read and kept; never kept where it was dropped while it was being read. */
  async read(name: string, read: () => Promise<Session | null>): Promise<Session | null> {
    const kept = this.#sessions.get(name)
    if (kept) return copied(kept)
    const mark = Symbol('read')
    this.#reads.set(name, mark)
    try {
      const session = await read()
      if (session && this.#isListening && this.#reads.get(name) === mark) {
        this.#sessions.set(name, copied(session))
      }
      return session
    } finally {
      if (this.#reads.get(name) === mark) this.#reads.delete(name)
    }
  }

  drop(name: string): void {
    this.#sessions.delete(name)
    this.#reads.delete(name)
  }

  close(): Promise<void> {
    return this.#close()
  }
}

/** Whoever gets a session may change it. */
function copied(session: Session): Session {
  return session.d ? { ...session, d: { ...session.d } } : { ...session }
}
