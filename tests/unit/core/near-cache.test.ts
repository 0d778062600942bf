import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { jsonCodec } from '../../../src/core/codec.ts'
import { encodeDocument, endedTombstone } from '../../../src/core/document.ts'
import { elapsed } from '../../../src/core/elapsed.ts'
import type { Handle } from '../../../src/core/id.ts'
import { NearCache } from '../../../src/core/near-cache.ts'
import type { WatchListener } from '../../../src/core/watch.ts'

const NOW = Date.UTC(2026, 0, 1)
const BOUND = 1000
const LIVE = encodeDocument(
  {
    revision: 'first0',
    createdAt: NOW,
    lastSeenAt: NOW,
    idleTimeout: 60_000,
    absoluteDeadline: NOW + 90_000,
    persistent: false,
  },
  ',"n":1\n',
)
const handleOf = (at: number): Handle => `abc${String(at).padStart(22, '0')}` as Handle
const ANN = handleOf(1)

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'], now: NOW }))
afterEach(() => void vi.useRealTimers())

/** A cache over a store whose proofs the test gives. */
function cacheOf(maxEntries = 10) {
  const watch = { completeUntil: -Infinity, close: () => undefined }
  let listener: WatchListener | undefined
  const store = {
    watch: (given: WatchListener) => {
      listener = given
      return watch
    },
  }
  const cache = new NearCache({ maxEntries, maxStaleness: BOUND }, store, () => undefined)
  return {
    cache,
    watch,
    changed: (handle: Handle | undefined) => listener?.changed(handle),
    isServed: (handle = ANN, now = NOW) => cache.find(handle, jsonCodec, now) !== undefined,
    keep: (handle = ANN, text: string | undefined = LIVE) =>
      cache.through(handle, async () => text),
  }
}

/** A reading that the test lets go on. */
function reading(cache: NearCache, handle = ANN, text = LIVE) {
  let answer: () => void = () => undefined
  const answered = new Promise<string>((resolve) => (answer = () => resolve(text)))
  const done = cache.through(handle, () => answered)
  return {
    finish: () => {
      answer()
      return done
    },
  }
}

describe('an entry', () => {
  test('is served for the bound from the beginning of its reading, and not a moment longer', async () => {
    const { cache, isServed } = cacheOf()
    const { finish } = reading(cache)
    vi.advanceTimersByTime(BOUND - 1)
    await finish()
    expect(isServed()).toBe(true)
    vi.advanceTimersByTime(1)
    expect(isServed()).toBe(true)
    vi.advanceTimersByTime(1)
    expect(isServed()).toBe(false)
    expect(cache.stats).toMatchObject({ hits: 2, misses: 0, bypasses: 1, healthy: false })
  })

  test('is served for the bound from the last proof that all changes were told', async () => {
    const { keep, watch, isServed, cache } = cacheOf()
    await keep()
    vi.advanceTimersByTime(5 * BOUND)
    expect(isServed()).toBe(false)
    watch.completeUntil = elapsed() - BOUND
    expect(isServed()).toBe(true)
    expect(cache.stats.healthy).toBe(true)
    vi.advanceTimersByTime(1)
    expect(isServed()).toBe(false)
    expect(cache.stats.healthy).toBe(false)
  })

  test.each([
    ['the monotonic clock stands still', 'Date'],
    ['the wall clock stands still', 'performance'],
  ] as const)('ages although %s, as on a machine that slept', async (_, moving) => {
    const { keep, isServed } = cacheOf()
    await keep()
    vi.useRealTimers()
    const [wall, monotonic] = [Date.now(), performance.now()]
    // One of the two goes on, and the other one shows what it showed.
    const [still, shown] = moving === 'Date' ? [performance, monotonic] : [Date, wall]
    vi.spyOn(still, 'now').mockReturnValue(shown)
    await keep()
    expect(isServed()).toBe(true)
    vi.spyOn(moving === 'Date' ? Date : performance, 'now').mockReturnValue(
      (moving === 'Date' ? wall : monotonic) + 2 * BOUND,
    )
    expect(isServed()).toBe(false)
    vi.restoreAllMocks()
  })

  test('ages although the wall clock was set back', async () => {
    const { keep, isServed } = cacheOf()
    await keep()
    vi.setSystemTime(NOW - 3_600_000)
    expect(isServed()).toBe(true)
    vi.advanceTimersByTime(BOUND + 1)
    expect(isServed()).toBe(false)
  })

  test.each([
    ['the idle limit', 59_999, 60_000],
    ['a clock far beyond both limits', 0, 90_000],
  ])('is judged by the clock of the sessions: %s', async (_, live, ended) => {
    const { keep, watch, isServed } = cacheOf()
    await keep()
    watch.completeUntil = Infinity
    expect(isServed(ANN, NOW + live)).toBe(true)
    expect(isServed(ANN, NOW + ended)).toBe(false)
  })

  test('that changed is gone, for a policy that serves old ones too; one that is only old is not', async () => {
    const { keep, changed, isServed, cache } = cacheOf()
    await keep()
    vi.advanceTimersByTime(100 * BOUND)
    expect(isServed()).toBe(false)
    expect(cache.peek(ANN)).toBe(LIVE)
    changed(ANN)
    expect(cache.peek(ANN)).toBeUndefined()
    expect(cache.stats).toMatchObject({ invalidations: 1, entries: 0 })
  })

  test('is not served while a write is under way or after one that failed, but known until it is done', async () => {
    const { keep, isServed, cache } = cacheOf()
    await keep()
    cache.doubt(ANN)
    expect(isServed()).toBe(false)
    expect(cache.peek(ANN)).toBe(LIVE)
    await keep()
    expect(isServed()).toBe(true)
    cache.forget(ANN)
    expect(cache.peek(ANN)).toBeUndefined()
  })

  test('goes with all others when nobody knows what has changed', async () => {
    const { keep, changed, cache } = cacheOf()
    await keep()
    await keep(handleOf(2))
    changed(undefined)
    expect(cache.stats).toMatchObject({ invalidations: 2, entries: 0 })
  })

  test('unused for longest makes room', async () => {
    const { keep, isServed } = cacheOf(2)
    await keep(handleOf(1))
    await keep(handleOf(2))
    isServed(handleOf(1))
    await keep(handleOf(3))
    expect([1, 2, 3].map((at) => isServed(handleOf(at)))).toEqual([true, false, true])
  })

  test.each([
    ['nothing', undefined],
    ['a tombstone', endedTombstone.document],
    ['something of another version', LIVE.replace('[1,', '[2,')],
  ])('is not made of %s', async (_, text) => {
    const { cache } = cacheOf()
    await cache.through(ANN, async () => text)
    expect(cache.stats.entries).toBe(0)
  })

  test('that cannot be read is not served', async () => {
    const { keep, isServed } = cacheOf()
    await keep(ANN, LIVE.replace('"n"', 'n'))
    expect(isServed()).toBe(false)
  })
})

describe('a reading that is under way', () => {
  test.each([
    ['its session changes', (c: ReturnType<typeof cacheOf>) => c.changed(ANN)],
    ['nobody knows what changes', (c: ReturnType<typeof cacheOf>) => c.changed(undefined)],
    ['a write of the session begins', (c: ReturnType<typeof cacheOf>) => c.cache.doubt(ANN)],
    ['a write of the session is done', (c: ReturnType<typeof cacheOf>) => c.cache.forget(ANN)],
  ])('is not kept when meanwhile %s', async (_, change) => {
    const subject = cacheOf()
    const { finish } = reading(subject.cache)
    change(subject)
    expect(await finish()).toBe(LIVE)
    expect(subject.cache.peek(ANN)).toBeUndefined()
    await subject.keep()
    expect(subject.cache.peek(ANN)).toBe(LIVE)
  })

  test('is kept when another session changes', async () => {
    const { cache, changed } = cacheOf()
    const { finish } = reading(cache)
    changed(handleOf(2))
    await finish()
    expect(cache.peek(ANN)).toBe(LIVE)
  })

  test('of several at once the one that began last counts, whatever answers last', async () => {
    const { cache } = cacheOf()
    const early = reading(cache, ANN, LIVE.replace('1\n', '2\n'))
    const late = reading(cache)
    await late.finish()
    await early.finish()
    expect(cache.peek(ANN)).toBe(LIVE)
  })

  test.each([['nothing'], [endedTombstone.document]])(
    'that finds %s in the place of a session takes it away, for a policy that serves old ones too',
    async (found) => {
      const { cache, keep } = cacheOf()
      await keep()
      await cache.through(ANN, async () => (found === 'nothing' ? undefined : found))
      expect(cache.peek(ANN)).toBeUndefined()
    },
  )

  test('that fails adds nothing, and takes nothing away', async () => {
    const { cache, keep } = cacheOf()
    await expect(cache.through(ANN, () => Promise.reject(new Error('cut')))).rejects.toThrow('cut')
    expect(cache.stats.entries).toBe(0)
    await keep()
    await expect(cache.through(ANN, () => Promise.reject(new Error('cut')))).rejects.toThrow('cut')
    expect(cache.peek(ANN)).toBe(LIVE)
  })
})

test.each([
  [1000, 250],
  [60_000, 1000],
])('for a bound of %i ms a proof is asked for every %i ms', (maxStaleness, expected) => {
  const asked: number[] = []
  const watch = (_listener: WatchListener, interval: number) => {
    asked.push(interval)
    return { completeUntil: 0, close: () => undefined }
  }
  void new NearCache({ maxEntries: 1, maxStaleness }, { watch }, () => undefined)
  expect(asked).toEqual([expected])
})
