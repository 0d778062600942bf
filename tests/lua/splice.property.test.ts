/**
 * Lua and TypeScript change documents in the same way: on random documents both give the same
 * outcome, the same text and the same time to live.
 */
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/core/codec.ts'
import { decodeDocument, endedTombstone, movedTombstone } from '../../src/core/document.ts'
import type { Handle } from '../../src/core/id.ts'
import { ttlOf } from '../../src/core/policy.ts'
import { applyPatch } from '../../src/core/splice.ts'
import type { FieldChange, Patch, Store } from '../../src/core/store.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { sessionKey } from '../../src/redis/keys.ts'
import { fakeClock } from '../support/clock.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { spyClient } from './spy.ts'
import type { SpyClient } from './spy.ts'

const CREATED = 1_763_700_000_000
/** Cases that go to Redis together. */
const BATCH = 50

let client: SpyClient
let prefix: string
let redis: Store
beforeAll(() => {
  client = spyClient(redisServers().single.port)
  prefix = freshPrefix()
  redis = redisStore({ client, prefix })
})
afterAll(() => client.disconnect())

describe('a patch', () => {
  test('of 3,000 random ones has the same effect in Redis as in this process', async () => {
    const kinds: Record<string, number> = {}
    await fc.assert(
      fc.asyncProperty(fc.array(patched(), batch()), async (cases) => {
        const results = await Promise.all(
          cases.map(async ({ document, patch }) => {
            const handle = freshHandle()
            await redis.create(handle, document, 60_000)
            const outcome = await redis.update(handle, patch)
            return { outcome, written: client.written(sessionKey(prefix, handle)) }
          }),
        )
        for (const [at, { outcome, written }] of results.entries()) {
          const { document, patch } = cases[at] as Case
          const { expected, ttl, text } = here(document, patch)
          kinds[outcome.kind] = (kinds[outcome.kind] ?? 0) + 1
          expect(outcome).toEqual(expected)
          expect(written.map((one) => [one.document, one.ttl])).toEqual(text ? [[text, ttl]] : [])
        }
      }),
      { numRuns: 60, endOnFailure: true },
    )
    // Every outcome is represented.
    expect(Object.keys(kinds).toSorted()).toEqual(['conflict', 'gone', 'too-large', 'updated'])
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(50)
  })
})

describe('a life', () => {
  test('of 1,000 random ones, of up to 12 steps, goes the same way in Redis and in memory', async () => {
    const outcomes = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(lives(), batch()), async (cases) => {
        const seen = await Promise.all(cases.map(lived))
        for (const outcome of seen.flat()) outcomes.add(outcome)
      }),
      { numRuns: 20, endOnFailure: true },
    )
    // Every outcome of every verb is among them.
    const all = `create created, create taken, end absent, end ended, fresh gone, fresh taken, fresh updated,
      increment gone, increment incremented, increment not-integer, increment too-large,
      regenerate conflict, regenerate gone, regenerate taken, regenerate too-large, regenerate updated,
      touch gone, touch touched, update conflict, update gone, update too-large, update updated`
    expect([...outcomes].toSorted()).toEqual(all.split(/,\s+/))
  })
})

interface Case {
  readonly document: string
  readonly patch: Patch
}

interface Step {
  readonly verb: 'create' | 'update' | 'increment' | 'touch' | 'regenerate' | 'fresh' | 'end'
  /** Which of three sessions of one slot. */
  readonly from: number
  readonly to: number
  readonly document: string
  readonly patch: Patch
  readonly by: number
}

/** Takes one life in both stores, and looks at all its sessions after each step; the outcomes. */
async function lived(steps: readonly Step[]): Promise<string[]> {
  const seen: string[] = []
  const memory = memoryStore({ clock: fakeClock(), maxSessions: 10 })
  const first = freshHandle()
  const handles = [first, freshHandle(first.slice(0, 3)), freshHandle(first.slice(0, 3))]
  for (const step of steps) {
    const outcomes = await Promise.all([memory, redis].map((store) => take(store, handles, step)))
    expect([step.verb, outcomes[1]]).toEqual([step.verb, outcomes[0]])
    const [texts, same] = await Promise.all(
      [memory, redis].map((store) => Promise.all(handles.map((handle) => store.load(handle)))),
    )
    expect(same).toEqual(texts)
    for (const handle of handles) {
      for (const { document, ttl } of client.written(sessionKey(prefix, handle)))
        expect(ttl).toBe(expectedTtl(document, step))
    }
    const [outcome] = outcomes as [string | { kind: string }]
    seen.push(`${step.verb} ${typeof outcome === 'string' ? outcome : outcome.kind}`)
  }
  return seen
}

function take(store: Store, handles: readonly Handle[], step: Step): Promise<unknown> {
  const { verb, patch, document, by } = step
  const [handle, successor] = [handles[step.from], handles[step.to]] as [Handle, Handle]
  const tombstone = movedTombstone(successor, patch.now)
  const { now, revision, maxBytes } = patch
  switch (verb) {
    case 'create':
      return store.create(handle, document, 60_000)
    case 'update':
      return store.update(handle, patch)
    case 'increment':
      return store.increment(handle, { now, revision, name: '"n"', by, maxBytes })
    case 'touch':
      return store.touch(handle, now)
    case 'regenerate':
      return store.regenerate(handle, patch, { successor, tombstone })
    case 'fresh': {
      const fresh = { document, ttl: FRESH_TTL }
      return store.regenerate(handle, patch, { successor, tombstone, fresh })
    }
    case 'end':
      return store.end(handle, endedTombstone)
  }
}

const FRESH_TTL = 12_345

/** The limits in the document say how long its key lives; only tombstones and new documents bring their own. */
function expectedTtl(document: string, step: Step): number {
  if (step.verb === 'fresh' && document === step.document) return FRESH_TTL
  const decoded = decodeDocument(document, jsonCodec)
  return decoded.kind === 'live' ? ttlOf(decoded.meta, step.patch.now) : endedTombstone.ttl
}

/** What a store answers that applies a patch by itself. */
function here(document: string, patch: Patch): { expected: unknown; text?: string; ttl?: number } {
  const spliced = applyPatch(document, patch)
  if (spliced.kind === 'conflict') return { expected: { kind: 'conflict', document } }
  if (spliced.kind !== 'updated') return { expected: spliced }
  const { conflicts, document: text, ttl } = spliced
  return { expected: { kind: 'updated', conflicts }, text, ttl }
}

function freshHandle(tag = randomBytes(3).toString('base64url').slice(0, 3)): Handle {
  return (tag + randomBytes(17).toString('base64url').slice(0, 22)) as Handle
}

function batch(): { minLength: number; maxLength: number } {
  return { minLength: BATCH, maxLength: BATCH }
}

/** Few names and values, so that they meet; strange ones, so that they could be mistaken. */
const names = ['a', 'ab', 'n', '"', '\\', '\n', '\n,"a":', '😀', '\u2028', '%d+', '']
const values = [1, 2, -5, 'x', '\n,"a":1', [1, { a: 2 }], 'ü😀', '\u2028', true, null, {}, 1.5]

function nameText(): fc.Arbitrary<string> {
  return fc.constantFrom(...names).map((name) => JSON.stringify(name))
}

function valueText(): fc.Arbitrary<string> {
  const limits = fc.constantFrom('9007199254740991', '-9007199254740990', '1.0', '[ 1 ]')
  const value = fc.constantFrom<unknown>(...values).map((one) => JSON.stringify(one))
  return fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: limits })
}

function maybeAbsent(): fc.Arbitrary<string> {
  return fc.oneof({ weight: 2, arbitrary: valueText() }, { weight: 1, arbitrary: fc.constant('') })
}

function documents(): fc.Arbitrary<string> {
  const live = fc
    .record({
      revision: fc.constantFrom('r0', 'r1', '_-9'),
      seen: fc.nat(5000),
      idle: fc.integer({ min: 1, max: 20_000 }),
      absolute: fc.integer({ min: 1, max: 40_000 }),
      extra: fc.constantFrom('', '', ',{"persistent":true}'),
      fields: fc.uniqueArray(fc.tuple(nameText(), valueText()), { selector: ([name]) => name }),
    })
    .map(({ revision, seen, idle, absolute, extra, fields }) => {
      const lines = fields.map(([name, value]) => `,${name}:${value}\n`).join('')
      return `{"@":[1,"${revision}",${CREATED},${seen},${idle},${absolute}${extra}]\n${lines}}`
    })
  const dead = fc.constantFrom(
    endedTombstone.document,
    movedTombstone('abcABCDEFGHIJKLMNOPQRSTUV' as Handle, CREATED).document,
    '{"@":[2,"r1",1763700000000,0,1,1]\n}',
    '{"n":1}',
    'hello',
  )
  return fc.oneof({ weight: 12, arbitrary: live }, { weight: 1, arbitrary: dead })
}

function patches(): fc.Arbitrary<Patch> {
  const change: fc.Arbitrary<FieldChange> = fc.record({
    name: nameText(),
    from: maybeAbsent(),
    to: maybeAbsent(),
  })
  const lifetime = fc.record({
    idleTimeout: fc.integer({ min: 1, max: 10_000 }),
    absoluteDeadline: fc.integer({ min: CREATED + 1, max: CREATED + 20_000 }),
    persistent: fc.boolean(),
  })
  return fc
    .record({
      now: fc.integer({ min: CREATED, max: CREATED + 12_000 }),
      revision: fc.constantFrom('r1', 'p1', 'p2', 'p3', 'p4'),
      changes: fc.array(change, { maxLength: 4 }),
      limits: fc.option(lifetime, { nil: undefined, freq: 3 }),
      onConflict: fc.constantFrom('overwrite', 'overwrite', 'refuse'),
      maxBytes: fc.oneof(
        { weight: 3, arbitrary: fc.constant(65_536) },
        { weight: 1, arbitrary: fc.integer({ min: 50, max: 150 }) },
      ),
    })
    .map(({ limits, ...patch }) => (limits ? { ...patch, lifetime: limits } : patch))
}

function patched(): fc.Arbitrary<Case> {
  return fc.record({ document: documents(), patch: patches() })
}

function lives(): fc.Arbitrary<readonly Step[]> {
  const session = fc.nat(2)
  const step: fc.Arbitrary<Step> = fc.record({
    verb: fc.constantFrom('create', 'update', 'increment', 'touch', 'regenerate', 'fresh', 'end'),
    from: session,
    to: session,
    document: documents(),
    patch: patches(),
    by: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.maxSafeInteger()),
  })
  return fc.array(step, { minLength: 4, maxLength: 12 })
}
