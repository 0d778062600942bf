/** Sessions in the memory of the process, for development and tests. */
import type { StoreClient, Write } from './store.ts'

interface Kept {
  readonly text: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/**
 * Keeps copies, as JSON, until their time has come.
 *
 * @example
 * app.use(session({ store: new session.MemoryStore() }))
 */
export class MemoryStore implements StoreClient {
  readonly #kept = new Map<string, Kept>()

  get(key: string): unknown {
    const text = this.#find(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  /** `ttl` in milliseconds; without it the session never ends. False where it is no longer there. */
  set(
    key: string,
    session: object,
    ttl: number = Infinity,
    { isNew }: Write = { isNew: true },
  ): boolean {
    if (!isNew && this.#find(key) === undefined) return false
    this.#kept.delete(key)
    this.#sweep()
    this.#kept.set(key, { text: JSON.stringify(session), until: Date.now() + ttl })
    return true
  }

  destroy(key: string): void {
    this.#kept.delete(key)
  }

  #find(key: string): string | undefined {
    const { text, until = 0 } = this.#kept.get(key) ?? {}
    return until > Date.now() ? text : undefined
  }

  /** The oldest write comes first, and mostly ends first. */
  #sweep(): void {
    for (const [key, { until }] of this.#kept) {
      if (until > Date.now()) return
      this.#kept.delete(key)
    }
  }
}
