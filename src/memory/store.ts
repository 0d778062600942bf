/** Sessions in the memory of one process: for development, tests, and apps of a single process. */
import { LRUCache } from 'lru-cache'
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { optionError } from '../core/errors.ts'
import type { Handle } from '../core/id.ts'
import { applyPatch, fieldIn, finish, liveHead, withField } from '../core/splice.ts'
import type { Spliced } from '../core/splice.ts'
import type {
  Increment,
  IncrementOutcome,
  Patch,
  Store,
  Succession,
  Taken,
  Tombstone,
  UpdateOutcome,
} from '../core/store.ts'

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
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  if (typeof options !== 'object' || options === null)
    throw optionError('memoryStore takes an object with options.')
  const { maxSessions = 100_000, clock = systemClock, ...unknown } = options
  const [name] = Object.keys(unknown)
  if (name !== undefined)
    throw optionError(`memoryStore has no option '${name}'; it takes maxSessions.`)
  if (typeof (clock as Clock | null)?.now !== 'function')
    throw optionError('clock must be an object with now(), in milliseconds since 1970.')
  if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) {
    throw optionError('maxSessions must be a whole number of at least 1.')
  }
  warnInProduction()
  return new MemoryStore(maxSessions, clock)
}

/** Each verb reads and writes in one turn of the event loop, which makes it atomic. */
class MemoryStore implements Store {
  readonly #entries: LRUCache<Handle, Entry>
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
    if (spliced.kind === 'updated') this.#set(handle, spliced.document, spliced.ttl)
    return outcomeOf(spliced, document)
  }

  async increment(
    handle: Handle,
    { now, revision, name, by, maxBytes }: Increment,
  ): Promise<IncrementOutcome> {
    const document = this.#get(handle)
    const head = document === undefined ? undefined : liveHead(document, now)
    if (document === undefined || !head) return { kind: 'gone' }
    const stored = fieldIn(document, head.end, name)?.value ?? '0'
    if (head.revision === revision) return { kind: 'incremented', value: Number(stored) }
    const value = Number(stored) + by
    if (!/^-?\d+$/.test(stored) || !Number.isSafeInteger(value)) return { kind: 'not-integer' }
    const next = finish(
      withField(document, head.end, { name, to: String(value) }),
      head,
      now,
      revision,
      [],
    )
    if (Buffer.byteLength(next.document) > maxBytes) return { kind: 'too-large' }
    this.#set(handle, next.document, next.ttl)
    return { kind: 'incremented', value }
  }

  async touch(handle: Handle, now: number): Promise<'touched' | 'gone'> {
    const document = this.#get(handle)
    const head = document === undefined ? undefined : liveHead(document, now)
    if (document === undefined || !head) return 'gone'
    const next = finish(document, head, now, head.revision, [])
    this.#set(handle, next.document, next.ttl)
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
    if (document === undefined || !liveHead(document, patch.now)) return { kind: 'gone' }
    const next: Spliced = fresh
      ? { kind: 'updated', ...fresh, conflicts: [] }
      : applyPatch(document, patch)
    if (next.kind === 'updated') {
      this.#set(successor, next.document, next.ttl)
      this.#set(handle, tombstone.document, tombstone.ttl)
    }
    return outcomeOf(next, document)
  }

  async end(handle: Handle, tombstone: Tombstone): Promise<'ended' | 'absent'> {
    const document = this.#get(handle)
    if (document === undefined || document.startsWith('{"@":["')) return 'absent'
    this.#entries.delete(handle)
    if (!document.startsWith('{"@":[1,')) return 'absent'
    this.#set(handle, tombstone.document, tombstone.ttl)
    return 'ended'
  }

  async close(): Promise<void> {
    this.#entries.clear()
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
