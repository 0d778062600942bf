/** Sessions in the memory of one process: for development, tests, and apps of a single process. */
import { systemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { optionError } from '../core/errors.ts'
import type { Handle } from '../core/id.ts'
import { valueIn, withLine } from '../core/lines.ts'
import { applyPatch, bodyOf, finish } from '../core/splice.ts'
import type { Spliced } from '../core/splice.ts'
import type {
  Adoption,
  Increment,
  IncrementOutcome,
  Patch,
  ReferenceStore,
  Store,
  Succession,
  Taken,
  Tombstone,
  UpdateOutcome,
  UserStore,
} from '../core/store.ts'
import type { Finding, StoreHealth } from '../core/store-health.ts'
import type { UserKey } from '../core/user.ts'
import type { Watch, WatchListener } from '../core/watch.ts'
import { MemoryActivity } from './activity.ts'
import { MemoryChannel } from './channel.ts'
import { Documents } from './documents.ts'
import { MemoryReferences } from './references.ts'
import { barOf, MemoryUsers } from './users.ts'

export interface MemoryStoreOptions {
  /** The most sessions kept; beyond it the one unused for longest goes. Default 100,000. */
  readonly maxSessions?: number
  /** Where the time comes from; for tests. */
  readonly clock?: Clock
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
const MEMORY_ONLY: Finding = {
  code: 'memory-store',
  severity: 'warning',
  message:
    'Sessions are kept in the memory of this process: they end with it, and no other process knows them. Use redisStore.',
}

class MemoryStore implements Store {
  readonly users: UserStore
  readonly references: ReferenceStore = new MemoryReferences()
  readonly activity: MemoryActivity
  readonly revocations: MemoryChannel = new MemoryChannel()
  readonly health: StoreHealth = {
    ping: async () => undefined,
    examine: async () => [MEMORY_ONLY],
    faultOf: () => 'refused',
  }
  readonly #documents: Documents

  constructor(max: number, clock: Clock) {
    this.#documents = new Documents(max, clock)
    this.activity = new MemoryActivity(max)
    this.users = new MemoryUsers(this.#documents)
  }

  async load(handle: Handle): Promise<string | undefined> {
    return this.#documents.get(handle)
  }

  async create(handle: Handle, document: string, ttl: number): Promise<'created' | 'taken'> {
    if (this.#documents.get(handle) !== undefined) return 'taken'
    this.#documents.put(handle, { document, ttl }, undefined)
    return 'created'
  }

  async pin(name: string, handle: Handle | undefined, ttl: number): Promise<Handle | undefined> {
    const place = `pin ${name}` as Handle
    const settled = (this.#documents.get(place) as Handle | undefined) ?? handle
    if (settled) this.#documents.prolong(place, settled, ttl)
    return settled
  }

  async adopt(handle: Handle, adoption: Adoption): Promise<'adopted' | 'known'> {
    const { markTtl, owner, document } = adoption
    const stored = this.#documents.get(handle)
    if (stored === document) return 'adopted'
    const mark = `mark ${handle}` as Handle
    const isKnown = stored !== undefined || this.#documents.get(mark) !== undefined
    if (isKnown || (owner && this.#documents.get(barOf(owner)) !== undefined)) return 'known'
    this.#documents.prolong(mark, '1', markTtl)
    this.#documents.put(handle, adoption, owner)
    return 'adopted'
  }

  async update(handle: Handle, patch: Patch): Promise<UpdateOutcome> {
    const document = this.#documents.get(handle)
    if (document === undefined) return { kind: 'gone' }
    const spliced = applyPatch(document, patch)
    if (spliced.kind === 'updated') this.#documents.put(handle, spliced, patch.owner)
    return outcomeOf(spliced, document)
  }

  async increment(handle: Handle, step: Increment): Promise<IncrementOutcome> {
    const { now, revision, name, by, maxBytes, owner } = step
    const live = this.#documents.live(handle, now)
    if (!live) return { kind: 'gone' }
    const { document, head } = live
    const body = bodyOf(document, head)
    const stored = valueIn(body, name) || '0'
    if (head.revision === revision) return { kind: 'incremented', value: Number(stored) }
    const value = Number(stored) + by
    if (!/^-?\d+$/.test(stored) || !Number.isSafeInteger(value)) return { kind: 'not-integer' }
    const next = finish(withLine(body, name, String(value)), head, now, revision, [])
    if (Buffer.byteLength(next.document) > maxBytes) return { kind: 'too-large' }
    this.#documents.put(handle, next, owner)
    return { kind: 'incremented', value }
  }

  async touch(handle: Handle, now: number, owner?: UserKey): Promise<'touched' | 'gone'> {
    const live = this.#documents.live(handle, now)
    if (!live) return 'gone'
    const { document, head } = live
    const next = finish(bodyOf(document, head), head, now, head.revision, [])
    this.#documents.put(handle, next, owner)
    return 'touched'
  }

  async regenerate(
    handle: Handle,
    patch: Patch,
    succession: Succession,
  ): Promise<UpdateOutcome | Taken> {
    const { successor, tombstone, fresh } = succession
    const document = this.#documents.get(handle)
    if (document === tombstone.document) return { kind: 'updated', conflicts: [] }
    if (this.#documents.get(successor) !== undefined) return { kind: 'taken' }
    if (!this.#documents.live(handle, patch.now) || document === undefined) return { kind: 'gone' }
    const next: Spliced = fresh
      ? { kind: 'updated', ...fresh, conflicts: [] }
      : applyPatch(document, patch)
    if (next.kind === 'updated') {
      // A fresh document is that of an anonymous session.
      this.#documents.put(successor, next, fresh ? undefined : patch.owner)
      this.#documents.bury(handle, tombstone, patch.owner)
    }
    return outcomeOf(next, document)
  }

  async end(
    handle: Handle,
    tombstone: Tombstone | undefined,
    owner?: UserKey,
  ): Promise<'ended' | 'absent'> {
    const document = this.#documents.get(handle)
    if (document === undefined || document.startsWith('{"@":["')) return 'absent'
    this.#documents.remove(handle, owner)
    if (!document.startsWith('{"@":[1,')) return 'absent'
    if (tombstone) this.#documents.bury(handle, tombstone, owner)
    return 'ended'
  }

  async claim(
    handle: Handle,
    tombstone: Tombstone,
    now: number,
    owner?: UserKey,
  ): Promise<string | undefined> {
    if (this.#documents.get(handle) === tombstone.document) return ''
    const live = this.#documents.live(handle, now)
    if (live) this.#documents.bury(handle, tombstone, owner)
    return live?.document
  }

  /** Told in the same turn, so there is nothing to prove. */
  watch(listener: WatchListener): Watch {
    const { watchers } = this.#documents
    // One listener may watch twice; each watch is its own.
    const own = { ...listener }
    watchers.add(own)
    return { completeUntil: Infinity, close: () => void watchers.delete(own) }
  }

  async close(): Promise<void> {
    this.#documents.clear()
    this.activity.clear()
    this.revocations.clear()
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
