/** The sessions of users in the memory of one process. */
import { tagOf } from '../core/id.ts'
import type { Handle } from '../core/id.ts'
import type {
  Admission,
  AdmitOutcome,
  Ended,
  Ending,
  IndexPage,
  ListedPage,
  UserStore,
} from '../core/store.ts'
import type { UserKey } from '../core/user.ts'
import type { Documents } from './documents.ts'

export function barOf(owner: UserKey): Handle {
  return `bar ${owner}` as Handle
}

export class MemoryUsers implements UserStore {
  readonly #documents: Documents

  constructor(documents: Documents) {
    this.#documents = documents
  }

  async admit(handle: Handle, admission: Admission): Promise<AdmitOutcome> {
    const { owner, document, now, limit, before } = admission
    const stored = this.#documents.get(handle)
    if (stored === document) return { kind: 'admitted', evicted: [] }
    if (stored !== undefined) return { kind: 'taken' }
    const isHere = before !== undefined && tagOf(before.handle) === tagOf(owner)
    const replaced = isHere ? this.#documents.live(before.handle, now) : undefined
    // Elsewhere, as in Redis: whoever comes second with the same session before is too late.
    const mark = `given up for ${owner}: ${before?.handle}` as Handle
    if (isHere && !replaced) return { kind: 'gone' }
    if (before && !isHere && this.#documents.get(mark) !== undefined) return { kind: 'gone' }
    const others = limit ? this.#documents.liveOf(owner, now) : []
    const live = others.filter((session) => !isHere || session.handle !== before.handle)
    const surplus = limit ? live.length - limit.most + 1 : 0
    if (limit?.beyond === 'reject' && surplus > 0) return { kind: 'rejected' }
    const by = limit?.beyond === 'evict-idle' ? 'lastSeenAt' : 'createdAt'
    const evicted = live
      .toSorted((a, b) => a.head[by] - b.head[by] || (a.handle < b.handle ? -1 : 1))
      .slice(0, Math.max(0, surplus))
      .map((session) => session.handle)
    for (const victim of evicted) this.#documents.remove(victim, owner)
    if (isHere) this.#documents.bury(before.handle, before.tombstone, before.owner)
    else if (before) this.#documents.put(mark, before.tombstone, undefined)
    this.#documents.put(handle, admission, owner)
    return { kind: 'admitted', evicted, replaced: replaced?.document }
  }

  async bar(owner: UserKey, ttl: number): Promise<void> {
    this.#documents.prolong(barOf(owner), '1', ttl)
  }

  async list(owner: UserKey, { now, offset, count }: IndexPage): Promise<ListedPage> {
    const page = this.#documents.liveOf(owner, now).slice(offset, offset + count)
    const entries = page.map(({ handle, document, head }) => ({
      handle,
      metaLine: document.slice(0, head.end),
    }))
    return { entries, isFull: entries.length === count }
  }

  async count(owner: UserKey, now: number): Promise<number> {
    return this.#documents.liveOf(owner, now).length
  }

  async end(owner: UserKey, ending: Ending): Promise<Ended> {
    if ('only' in ending) {
      const { userId } = ending
      const only = this.#documents.successorOf(ending.only)
      const isTheirs = this.#documents
        .get(only)
        ?.split('\n', 1)[0]
        ?.includes(`"user":${JSON.stringify(userId)}`)
      if (isTheirs) this.#documents.remove(only, owner)
      return { handles: isTheirs ? [only] : [], isLast: !isTheirs }
    }
    const { index, now } = this.#documents
    const except = ending.except && this.#documents.successorOf(ending.except)
    const others = index.live(owner, now).filter((one) => one !== except)
    const batch = others.slice(0, ending.most)
    for (const handle of batch) this.#documents.remove(handle, owner)
    return { handles: batch, isLast: batch.length < ending.most }
  }

  async confirm(): Promise<undefined> {
    return undefined
  }
}
