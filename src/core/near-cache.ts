/**
 * What this process has read lately, and for how long it may be served without asking the store.
 *
 * An entry is as fresh as what is known of it: it was true when its reading began, and it is true still
 * at the moment until which the store has proven to have told all changes (watch.ts). It is served for
 * `maxStaleness` from the later of the two and not a moment longer, so the bound needs nobody to notice
 * that a connection is cut.
 */
import { LRUCache } from 'lru-cache'
import type { Codec } from './codec.ts'
import { decodeDocument } from './document.ts'
import type { Fields, Meta } from './document.ts'
import type { Duration } from './duration.ts'
import { milliseconds } from './duration.ts'
import { elapsed } from './elapsed.ts'
import { optionError } from './errors.ts'
import type { Handle } from './id.ts'
import { judge } from './policy.ts'
import { META_FIELD } from './reserved.ts'
import type { Store } from './store.ts'
import type { Watch } from './watch.ts'

export interface NearCacheOptions {
  /** The most sessions kept; beyond it the one unused for longest goes. Default 10,000. */
  readonly maxEntries?: number
  /** How long a session that has changed or ended elsewhere may still be seen as it was. Default `'1s'`. */
  readonly maxStaleness?: Duration
}

export interface NearCacheStats {
  /** Requests served without asking the store. */
  readonly hits: number
  /** Requests whose session was not there. */
  readonly misses: number
  /** Requests whose session was there, but nobody could say that it was fresh enough. */
  readonly bypasses: number
  /** Sessions dropped because somebody changed them, or because changes had not been told. */
  readonly invalidations: number
  readonly entries: number
  /** The store tells changes. Where it does not, a session is kept for `maxStaleness` from its reading. */
  readonly healthy: boolean
}

/** A document as it was read; what is decoded of it is shared, so nothing of that is mutable. */
export interface Remembered {
  readonly text: string
  readonly meta: Meta
  readonly body: string
  /** Where no field holds an object, so that requests can share them; frozen. */
  readonly fields: Fields | undefined
}

interface Entry {
  readonly text: string
  readonly readAt: number
  decoded?: Remembered | undefined
  /** A write of this process has begun, and perhaps failed: whether it took effect, only the store knows. */
  isDoubtful?: boolean
}

/** A reading that is under way, and when it began. */
interface Reading {
  readonly at: number
}

/** Tombstones are short-lived and seldom asked for; what is no session of ours is not kept either. */
const LIVE = '{"@":[1,'
/** The proof is renewed so many times within the bound, and once a second at least. */
const BEATS = 4
const LONGEST_BEAT = 1000

export class NearCache {
  readonly #maxStaleness: number
  readonly #entries: LRUCache<Handle, Entry>
  /** The last reading of each handle that no change has overtaken. */
  readonly #readings = new Map<Handle, Reading>()
  readonly #watch: Watch | undefined
  #hits = 0
  #misses = 0
  #bypasses = 0
  #invalidations = 0

  constructor(
    { maxEntries, maxStaleness }: { readonly maxEntries: number; readonly maxStaleness: number },
    store: Pick<Store, 'watch'>,
    lost: (cause: unknown) => void,
  ) {
    this.#entries = new LRUCache({ max: maxEntries })
    this.#maxStaleness = maxStaleness
    const changed = (handle: Handle | undefined): void => this.#changed(handle)
    this.#watch = store.watch?.({ changed, lost }, Math.min(maxStaleness / BEATS, LONGEST_BEAT))
  }

  /** A live session that may be served now; undefined where the store has to be asked. */
  find(handle: Handle, codec: Codec, now: number): Remembered | undefined {
    const entry = this.#entries.get(handle)
    if (!entry) this.#misses++
    else if (entry.isDoubtful || elapsed() > this.#freshUntil(entry.readAt)) this.#bypasses++
    else {
      const decoded = (entry.decoded ??= decode(entry.text, codec))
      if (decoded && judge(decoded.meta, now) === 'live') {
        this.#hits++
        return decoded
      }
      // Its limit may have been moved elsewhere: the store has the last word.
      this.#misses++
    }
    return undefined
  }

  /** The document as it was last read, however long ago; undefined where it is known to have changed. */
  peek(handle: Handle): string | undefined {
    return this.#entries.peek(handle)?.text
  }

  /** Reads, and keeps what was read unless it was overtaken by a change. */
  async through(
    handle: Handle,
    load: (handle: Handle) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const reading = { at: elapsed() }
    // Of several at once the last one counts: what it finds is the latest.
    this.#readings.set(handle, reading)
    let text: string | undefined
    let isRead = false
    try {
      text = await load(handle)
      isRead = true
    } finally {
      const isOvertaken = this.#readings.get(handle) !== reading
      if (!isOvertaken) {
        this.#readings.delete(handle)
        if (text?.startsWith(LIVE)) this.#entries.set(handle, { text, readAt: reading.at })
        // It has ended. Where the store failed, what was known of it before is all there is.
        else if (isRead) this.#entries.delete(handle)
      }
    }
    return text
  }

  /** Serves a session no more until it is read again; what is just being read of it may be from before. */
  doubt(handle: Handle): void {
    this.#readings.delete(handle)
    const entry = this.#entries.peek(handle)
    if (entry) entry.isDoubtful = true
  }

  /** Drops what is known of a session, and what is just being read of it. */
  forget(handle: Handle): void {
    this.#readings.delete(handle)
    this.#entries.delete(handle)
  }

  get stats(): NearCacheStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      bypasses: this.#bypasses,
      invalidations: this.#invalidations,
      entries: this.#entries.size,
      healthy: elapsed() <= this.#freshUntil(-Infinity),
    }
  }

  close(): void {
    this.#watch?.close()
    this.#forgetAll()
  }

  #freshUntil(readAt: number): number {
    return Math.max(readAt, this.#watch?.completeUntil ?? -Infinity) + this.#maxStaleness
  }

  #changed(handle: Handle | undefined): void {
    if (handle === undefined) {
      this.#invalidations += this.#entries.size
      this.#forgetAll()
    } else {
      this.#readings.delete(handle)
      if (this.#entries.delete(handle)) this.#invalidations++
    }
  }

  #forgetAll(): void {
    this.#readings.clear()
    this.#entries.clear()
  }
}

function decode(text: string, codec: Codec): Remembered | undefined {
  const decoded = decodeDocument(text, codec)
  if (decoded.kind !== 'live') return undefined
  const { meta, body, fields } = decoded
  return { text, meta, body, fields: isFlat(fields) ? Object.freeze(fields) : undefined }
}

function isFlat(fields: Fields): boolean {
  return Object.entries(fields).every(
    ([name, value]) => typeof value !== 'object' || value === null || name === META_FIELD,
  )
}

/** Throws ERR_OPTION. */
export function nearCacheRules(
  option: boolean | NearCacheOptions | undefined,
): { readonly maxEntries: number; readonly maxStaleness: number } | undefined {
  if (option === undefined || option === false) return undefined
  if (option !== true && (typeof option !== 'object' || option === null))
    throw optionError('nearCache must be true, false or an object with maxEntries, maxStaleness.')
  const { maxEntries = 10_000, maxStaleness = '1s', ...unknown } = option === true ? {} : option
  const [name] = Object.keys(unknown)
  if (name !== undefined) {
    throw optionError(`nearCache has no option '${name}'; it takes maxEntries and maxStaleness.`)
  }
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1 || maxEntries > 10_000_000) {
    throw optionError('nearCache.maxEntries must be a whole number from 1 to 10,000,000.')
  }
  const bound = milliseconds('nearCache.maxStaleness', maxStaleness)
  if (bound < 100 || bound > 60_000) {
    throw optionError(
      'nearCache.maxStaleness must be from 100 ms to a minute: so long a session that has ended may be accepted.',
    )
  }
  return { maxEntries, maxStaleness: bound }
}
