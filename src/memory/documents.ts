/** The documents in the memory of one process, and the index of whose they are. */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.ts'
import { asHandle, tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import { liveHead } from '../core/splice.ts'
import type { Head } from '../core/splice.ts'
import type { Tombstone } from '../core/store.ts'
import type { UserKey } from '../core/user.ts'
import type { WatchListener } from '../core/watch.ts'
import { UserIndex } from './user-index.ts'

interface Entry {
  readonly document: string
  readonly endsAt: number
}

export interface Live {
  readonly handle: Handle
  readonly document: string
  readonly head: Head
}

export class Documents {
  readonly index: UserIndex = new UserIndex()
  readonly watchers: Set<WatchListener> = new Set()
  readonly #entries: LRUCache<Handle, Entry>
  readonly #clock: Clock

  constructor(max: number, clock: Clock) {
    // Whatever is overwritten, removed or falls out at the end is told.
    const dispose = (_: Entry, handle: Handle): void => {
      for (const { changed } of this.watchers) changed(handle)
    }
    this.#entries = new LRUCache({ max, dispose })
    this.#clock = clock
  }

  get now(): number {
    return this.#clock.now()
  }

  get(handle: Handle): string | undefined {
    const entry = this.#entries.get(handle)
    if (!entry || this.now < entry.endsAt) return entry?.document
    this.#entries.delete(handle)
    return undefined
  }

  /** The document with its head, if it is that of a live session. */
  live(handle: Handle, now: number): Live | undefined {
    const document = this.get(handle)
    const head = document === undefined ? undefined : liveHead(document, now)
    return document !== undefined && head ? { handle, document, head } : undefined
  }

  /** What a user's session has become that may have got a new id meanwhile. */
  successorOf(handle: Handle): Handle {
    const tombstone = /^\{"@":\["moved","([^"]+)"/.exec(this.get(handle) ?? '')
    const successor = asHandle(tombstone?.[1])
    const isTheirs = successor && tagOf(successor) === tagOf(handle)
    return isTheirs ? this.successorOf(successor) : handle
  }

  put(
    handle: Handle,
    { document, ttl }: { readonly document: string; readonly ttl: number },
    owner: UserKey | undefined,
  ): void {
    const endsAt = this.now + ttl
    this.#entries.set(handle, { document, endsAt })
    this.index.note(owner, handle, endsAt)
  }

  /** Notes something that is no session, for at least so long. */
  prolong(place: Handle, text: string, ttl: number): void {
    const { endsAt = 0 } = this.#entries.get(place) ?? {}
    this.#entries.set(place, { document: text, endsAt: Math.max(endsAt, this.now + ttl) })
  }

  bury(handle: Handle, { document, ttl }: Tombstone, owner: UserKey | undefined): void {
    this.#entries.set(handle, { document, endsAt: this.now + ttl })
    this.index.remove(owner, handle)
  }

  remove(handle: Handle, owner: UserKey | undefined): void {
    this.#entries.delete(handle)
    this.index.remove(owner, handle)
  }

  /** The live sessions of a user; entries whose session is no more are removed on the way. */
  liveOf(owner: UserKey, now: number): Live[] {
    return this.index.live(owner, now).flatMap((handle) => {
      const live = this.live(handle, now)
      if (!live) this.index.remove(owner, handle)
      return live ?? []
    })
  }

  clear(): void {
    this.#entries.clear()
    this.index.clear()
  }
}
