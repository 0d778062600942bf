/** Sessions in the memory of one process: for development, tests, and apps of a single process. */
import { LRUCache } from 'lru-cache'
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { optionError } from '../core/errors.ts'
import type { Handle } from '../core/id.ts'
import { applyPatch, fieldIn, finish, liveHead, withField } from '../core/splice.ts'
import type { Head, Spliced } from '../core/splice.ts'
import type {
  Admission,
  AdmitOutcome,
  Ended,
  Ending,
  Increment,
  IncrementOutcome,
  IndexEntry,
  IndexPage,
  Note,
  Patch,
  Store,
  Succession,
  Taken,
  Tombstone,
  UpdateOutcome,
} from '../core/store.ts'
import type { ReferenceKey } from '../core/references.ts'
import type { UserKey } from '../core/user.ts'
import { Notes } from './notes.ts'
import { UserIndex } from './user-index.ts'

export interface MemoryStoreOptions {
  /** The most sessions kept; beyond it the one unused for longest goes. Default 100,000. */
  readonly maxSessions?: number
  /** Where the time comes from; for tests. */
  readonly clock?: Clock
}

interface Entry {
  readonly document: string
  readonly endsAt: number
}

/**
 * Bounded and forgetful: a restart logs everybody out, and a second process knows nothing of it. It
 * says so once when NODE_ENV is `production`.
 *
 * @example
 * createSessions({ store: memoryStore({ maxSessions: 10_000 }) })
 */
export function memoryStore({
  maxSessions = 100_000,
  clock = systemClock,
}: MemoryStoreOptions = {}): Store {
  if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) {
    throw optionError('maxSessions must be a whole number of at least 1.')
  }
  warnInProduction()
  return new MemoryStore(maxSessions, clock)
}

interface Live {
  readonly handle: Handle
  readonly document: string
  readonly head: Head
}

/** Each verb reads and writes in one turn of the event loop, which makes it atomic. */
class MemoryStore implements Store {
  readonly #entries: LRUCache<Handle, Entry>
  readonly #index = new UserIndex()
  readonly #notes = new Notes()
  readonly #clock: Clock

  constructor(max: number, clock: Clock) {
    this.#entries = new LRUCache({ max })
    this.#clock = clock
  }

  #get(handle: Handle): string | undefined {
    const entry = this.#entries.get(handle)
    if (!entry || this.#clock.now() < entry.endsAt) return entry?.document
    this.#entries.delete(handle)
    return undefined
  }

  #set(handle: Handle, document: string, ttl: number): void {
    this.#entries.set(handle, { document, endsAt: this.#clock.now() + ttl })
  }

  async load(handle: Handle): Promise<string | undefined> {
    return this.#get(handle)
  }

  async create(handle: Handle, document: string, ttl: number): Promise<'created' | 'taken'> {
    if (this.#get(handle) !== undefined) return 'taken'
    this.#set(handle, document, ttl)
    return 'created'
  }

  async update(handle: Handle, patch: Patch): Promise<UpdateOutcome> {
    const document = this.#get(handle)
    if (document === undefined) return { kind: 'gone' }
    const spliced = applyPatch(document, patch)
    if (spliced.kind === 'updated') this.#write(handle, spliced, patch.owner)
    return outcomeOf(spliced, document)
  }

  async increment(handle: Handle, step: Increment): Promise<IncrementOutcome> {
    const { now, revision, name, by, maxBytes, owner } = step
    const document = this.#get(handle)
    const head = document === undefined ? undefined : liveHead(document, now)
    if (document === undefined || !head) return { kind: 'gone' }
    const stored = fieldIn(document, head.end, name)?.value ?? '0'
    if (head.revision === revision) return { kind: 'incremented', value: Number(stored) }
    const value = Number(stored) + by
    if (!/^-?\d+$/.test(stored) || !Number.isSafeInteger(value)) return { kind: 'not-integer' }
    const summed = withField(document, head.end, { name, to: String(value) })
    const next = finish(summed, head, now, revision, [])
    if (Buffer.byteLength(next.document) > maxBytes) return { kind: 'too-large' }
    this.#write(handle, next, owner)
    return { kind: 'incremented', value }
  }

  async touch(handle: Handle, now: number, owner?: UserKey): Promise<'touched' | 'gone'> {
    const document = this.#get(handle)
    const head = document === undefined ? undefined : liveHead(document, now)
    if (document === undefined || !head) return 'gone'
    this.#write(handle, finish(document, head, now, head.revision, []), owner)
    return 'touched'
  }

  async regenerate(
    handle: Handle,
    patch: Patch,
    succession: Succession,
  ): Promise<UpdateOutcome | Taken> {
    const { successor, tombstone, fresh } = succession
    const document = this.#get(handle)
    if (document === tombstone.document) return { kind: 'updated', conflicts: [] }
    if (this.#get(successor) !== undefined) return { kind: 'taken' }
    if (document === undefined) return { kind: 'gone' }
    const spliced = applyPatch(document, patch)
    if (spliced.kind === 'updated') {
      // A fresh document is that of an anonymous session.
      this.#write(successor, fresh ?? spliced, fresh ? undefined : patch.owner)
      this.#bury(handle, tombstone, patch.owner)
    }
    return outcomeOf(spliced, document)
  }

  async end(handle: Handle, tombstone: Tombstone, owner?: UserKey): Promise<'ended' | 'absent'> {
    const document = this.#get(handle)
    if (document === undefined || document.startsWith('{"@":["')) return 'absent'
    this.#remove(handle, owner)
    if (!document.startsWith('{"@":[1,')) return 'absent'
    this.#bury(handle, tombstone, owner)
    return 'ended'
  }

  async claim(
    handle: Handle,
    tombstone: Tombstone,
    now: number,
    owner?: UserKey,
  ): Promise<string | undefined> {
    const document = this.#get(handle)
    if (document === undefined || !liveHead(document, now)) return undefined
    this.#bury(handle, tombstone, owner)
    return document
  }

  async admit(handle: Handle, admission: Admission): Promise<AdmitOutcome> {
    const { owner, document, now, limit } = admission
    const stored = this.#get(handle)
    if (stored === document) return { kind: 'admitted', evicted: [] }
    if (stored !== undefined) return { kind: 'taken' }
    const live = limit ? this.#live(owner, now) : []
    const surplus = limit ? live.length - limit.most + 1 : 0
    if (limit?.beyond === 'reject' && surplus > 0) return { kind: 'rejected' }
    const by = limit?.beyond === 'evict-idle' ? 'lastSeenAt' : 'createdAt'
    const evicted = live
      .toSorted((a, b) => a.head[by] - b.head[by] || (a.handle < b.handle ? -1 : 1))
      .slice(0, Math.max(0, surplus))
      .map((session) => session.handle)
    for (const victim of evicted) this.#remove(victim, owner)
    this.#write(handle, admission, owner)
    return { kind: 'admitted', evicted }
  }

  async listOf(owner: UserKey, { now, offset, count }: IndexPage): Promise<readonly IndexEntry[]> {
    const page = this.#live(owner, now).slice(offset, offset + count)
    return page.map(({ handle, document, head }) => ({
      handle,
      metaLine: document.slice(0, head.end),
    }))
  }

  async countOf(owner: UserKey, now: number): Promise<number> {
    return this.#live(owner, now).length
  }

  async endOf(owner: UserKey, ending: Ending): Promise<Ended> {
    if ('only' in ending) {
      const { only, userId } = ending
      const isTheirs = this.#get(only)
        ?.split('\n', 1)[0]
        ?.includes(`"user":${JSON.stringify(userId)}`)
      if (isTheirs) this.#remove(only, owner)
      return { handles: isTheirs ? [only] : [], isLast: !isTheirs }
    }
    const others = this.#index.live(owner, this.#clock.now()).filter((one) => one !== ending.except)
    const batch = others.slice(0, ending.most)
    for (const handle of batch) this.#remove(handle, owner)
    return { handles: batch, isLast: batch.length === 0 }
  }

  async note(reference: ReferenceKey, handle: Handle, now: number): Promise<void> {
    this.#notes.note(reference, handle, now)
  }

  async notedAt(reference: ReferenceKey, handle: Handle): Promise<number | undefined> {
    return this.#notes.notedAt(reference, handle)
  }

  async forget(reference: ReferenceKey, handle: Handle, notedAt?: number): Promise<void> {
    this.#notes.forget(reference, handle, notedAt)
  }

  async referring(
    reference: ReferenceKey,
    offset: number,
    count: number,
  ): Promise<readonly Note[]> {
    return this.#notes.page(reference, offset, count)
  }

  async confirm(): Promise<undefined> {
    return undefined
  }

  #write(
    handle: Handle,
    { document, ttl }: { readonly document: string; readonly ttl: number },
    owner: UserKey | undefined,
  ): void {
    this.#set(handle, document, ttl)
    this.#index.note(owner, handle, this.#clock.now() + ttl)
  }

  #bury(handle: Handle, { document, ttl }: Tombstone, owner: UserKey | undefined): void {
    this.#set(handle, document, ttl)
    this.#index.remove(owner, handle)
  }

  #remove(handle: Handle, owner: UserKey | undefined): void {
    this.#entries.delete(handle)
    this.#index.remove(owner, handle)
  }

  /** The live sessions of a user; entries whose session is no more are removed on the way. */
  #live(owner: UserKey, now: number): Live[] {
    return this.#index.live(owner, now).flatMap((handle) => {
      const document = this.#get(handle)
      const head = document === undefined ? undefined : liveHead(document, now)
      if (document !== undefined && head) return [{ handle, document, head }]
      this.#index.remove(owner, handle)
      return []
    })
  }

  async close(): Promise<void> {
    this.#entries.clear()
    this.#index.clear()
    this.#notes.clear()
  }
}

function outcomeOf(spliced: Spliced, document: string): UpdateOutcome {
  if (spliced.kind === 'updated') return { kind: 'updated', conflicts: spliced.conflicts }
  return spliced.kind === 'conflict' ? { kind: 'conflict', document } : { kind: spliced.kind }
}

let isWarned = false

function warnInProduction(): void {
  if (isWarned || process.env['NODE_ENV'] !== 'production') return
  isWarned = true
  process.emitWarning(
    'Sessions are kept in the memory of this process: a restart logs everybody out and other processes do not ' +
      'know them. Give createSessions a store: redisStore({ url }).',
    { type: 'HandstampNotice', code: 'HANDSTAMP_MEMORY_STORE' },
  )
}
