/**
 * The contract of src/core/store.ts as tests: every verb and every outcome, for any store.
 *
 * Points in time are arguments of the verbs, so the tests need no clock to let a session expire; only
 * `leavesAfter` has to know where the store takes its time from.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { encodeDocument } from '../../src/core/document.ts'
import { lineOf, linesOf } from '../../src/core/lines.ts'
import { decodeDocument, endedTombstone, movedTombstone } from '../../src/core/document.ts'
import { jsonCodec } from '../../src/core/codec.ts'
import type { Decoded, Meta } from '../../src/core/document.ts'
import type { Handle } from '../../src/core/id.ts'
import { userKeyOf } from '../../src/core/user.ts'
import type { UserKey } from '../../src/core/user.ts'
import type {
  Admission,
  Adoption,
  FieldChange,
  GivingWay,
  Increment,
  Lifetime,
  Patch,
  Store,
  Succession,
} from '../../src/core/store.ts'
import { describeActivity } from './activity.ts'
import { describeChannel } from './channel.ts'

export interface StoreUnderTest {
  readonly store: Store
  /** Whether what stands under the handle leaves by itself after so many milliseconds. May turn the clock. */
  leavesAfter(handle: Handle, ttl: number): Promise<boolean>
  /** For how many milliseconds the store still keeps it, where it can tell: -1 for ever, -2 nothing. */
  remaining?(handle: Handle): Promise<number>
  close(): Promise<void>
}

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 0, 1)
const LIMIT = 65_536

const meta: Meta = {
  revision: 'first0',
  createdAt: NOW,
  lastSeenAt: NOW,
  idleTimeout: HOUR,
  absoluteDeadline: NOW + 24 * HOUR,
  persistent: false,
}

/** Names and texts that could be mistaken for the marks around them. */
const strangeNames = [
  ['a quote', 'a"b'],
  ['a quote and a colon', 'a":'],
  ['a backslash', 'a\\'],
  ['a backslash and a quote', 'a\\"'],
  ['a line break', 'a\nb'],
  ['a line of a document', '\n,"user":'],
  ['a comma in front', ',"user'],
  ['U+2028', 'a\u2028b'],
  ['U+2029', 'a\u2029b'],
  ['a null character', 'a\u0000b'],
  ['half of a pair', 'a\uD83D'],
  ['an emoji', '😀'],
  ['letters of another script', 'имя'],
  ['nothing', ''],
  ['a number', '7'],
  ['a magic character of patterns', '%d+.*[^a]'],
  ['the beginning of another name', 'us'],
  ['another name and more', 'user2'],
  ['a name of every object', 'constructor'],
] as const

export function describeStore(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a store`, () => {
    let subject: StoreUnderTest
    let store: Store
    let handles: Handle[] = []

    beforeAll(async () => {
      subject = await make()
      store = subject.store
    })

    afterAll(() => subject.close())

    afterEach(async () => {
      const left = await Promise.all(handles.map(async (handle) => subject.remaining?.(handle)))
      handles = []
      expect(left.filter((ttl) => ttl === -1)).toEqual([])
    })

    function freshHandle(tag = randomBytes(3).toString('base64url').slice(0, 3)): Handle {
      const handle = (tag + randomBytes(17).toString('base64url').slice(0, 22)) as Handle
      handles.push(handle)
      return handle
    }

    /** A stored session; its handle. */
    async function stored(
      fields: object = { user: 'ann' },
      about?: Partial<Meta>,
    ): Promise<Handle> {
      const handle = freshHandle()
      expect(await store.create(handle, documentOf(fields, about), 24 * HOUR)).toBe('created')
      return handle
    }

    async function read(handle: Handle): Promise<Decoded | 'nothing'> {
      const text = await store.load(handle)
      return text === undefined ? 'nothing' : decodeDocument(text, jsonCodec)
    }

    /** The fields as they stand in the store, as text. */
    async function linesAt(handle: Handle): Promise<Record<string, string>> {
      const decoded = await read(handle)
      if (decoded === 'nothing' || decoded.kind !== 'live')
        throw new Error(`expected a live session, not ${JSON.stringify(decoded)}`)
      return Object.fromEntries(linesOf(decoded.body))
    }

    async function metaAt(handle: Handle): Promise<Meta> {
      const decoded = await read(handle)
      if (decoded === 'nothing' || decoded.kind !== 'live')
        throw new Error(`expected a live session, not ${JSON.stringify(decoded)}`)
      return decoded.meta
    }

    /** Runs a verb that has to leave everything as it is. */
    async function expectUntouched(handle: Handle, verb: () => Promise<unknown>): Promise<unknown> {
      const before = await store.load(handle)
      const ttlBefore = (await subject.remaining?.(handle)) ?? 0
      const outcome = await verb()
      expect(await store.load(handle)).toBe(before)
      expect((await subject.remaining?.(handle)) ?? 0).toBeLessThanOrEqual(ttlBefore)
      return outcome
    }

    describe('load', () => {
      test('finds nothing where nothing is', async () => {
        expect(await store.load(freshHandle())).toBeUndefined()
      })

      test('gives back the text as it was written', async () => {
        const handle = freshHandle()
        const text = documentOf({ note: 'ünï\u2028\u0000😀\\"', big: 'x'.repeat(50_000) })
        await store.create(handle, text, HOUR)
        expect(await store.load(handle)).toBe(text)
      })
    })

    describe('create', () => {
      test('writes a session that leaves by itself', async () => {
        const handle = freshHandle()
        expect(await store.create(handle, documentOf({}), HOUR)).toBe('created')
        expect(await subject.leavesAfter(handle, HOUR)).toBe(true)
      })

      test('never writes over a live session, not even a second time with the same text', async () => {
        const handle = await stored({ user: 'ann' })
        const mallory = documentOf({ user: 'mallory' })
        const own = documentOf({ user: 'ann' })
        expect(await expectUntouched(handle, () => store.create(handle, mallory, 48 * HOUR))).toBe(
          'taken',
        )
        expect(await expectUntouched(handle, () => store.create(handle, own, 48 * HOUR))).toBe(
          'taken',
        )
      })

      test.each([
        ['ended', endedTombstone.document],
        ['moved', movedTombstone('abcABCDEFGHIJKLMNOPQRSTUV' as Handle, NOW).document],
        ['foreign', 'hello'],
      ])('never writes over what is %s', async (_title, text) => {
        const handle = freshHandle()
        await store.create(handle, text, HOUR)
        const again = documentOf({ user: 'ann' })
        expect(await expectUntouched(handle, () => store.create(handle, again, HOUR))).toBe('taken')
      })

      test('of 20 at once one succeeds', async () => {
        const handle = freshHandle()
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, at) => store.create(handle, documentOf({ at }), HOUR)),
        )
        expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
        expect(await linesAt(handle)).toEqual({ '"at"': String(outcomes.indexOf('created')) })
      })
    })

    describe('pin', () => {
      const freshName = () => randomBytes(19).toString('base64url').slice(0, 25)

      test('settles once on a handle, and says which from then on', async () => {
        const [pin, first, second] = [freshName(), freshHandle(), freshHandle()]
        expect(await store.pin(pin, undefined, 0)).toBeUndefined()
        expect(await store.pin(pin, first, HOUR)).toBe(first)
        expect(await store.pin(pin, second, HOUR)).toBe(first)
        expect(await store.pin(pin, undefined, 0)).toBe(first)
        expect(await store.pin(freshName(), second, HOUR)).toBe(second)
      })

      test('of 20 at once settles on one', async () => {
        const pin = freshName()
        const asked = Array.from({ length: 20 }, () => store.pin(pin, freshHandle(), HOUR))
        expect(new Set(await Promise.all(asked)).size).toBe(1)
      })
    })

    describe('adopt', () => {
      const adoption = (about: Partial<Adoption> = {}): Adoption => ({
        markTtl: 2 * HOUR,
        document: documentOf({ user: 'ann' }),
        ttl: HOUR,
        now: NOW,
        owner: undefined,
        ...about,
      })

      test('writes a session that leaves by itself, once: it never comes back', async () => {
        const handle = freshHandle()
        const first = adoption()
        expect(await store.adopt(handle, first)).toBe('adopted')
        expect(await store.load(handle)).toBe(first.document)
        const other = adoption({ document: documentOf({ user: 'bob' }) })
        expect(await store.adopt(handle, other)).toBe('known')
        expect(await store.load(handle)).toBe(first.document)
        await store.end(handle, undefined)
        expect(await store.adopt(handle, other)).toBe('known')
        expect(await store.load(handle)).toBeUndefined()
      })

      test('sent a second time says the same', async () => {
        const handle = freshHandle()
        const same = adoption()
        expect(await store.adopt(handle, same)).toBe('adopted')
        expect(await store.adopt(handle, same)).toBe('adopted')
      })

      test('of 20 at once one succeeds', async () => {
        const handle = freshHandle()
        const documents = Array.from({ length: 20 }, (_, n) => documentOf({ n }))
        const outcomes = await Promise.all(
          documents.map((document) => store.adopt(handle, adoption({ document }))),
        )
        expect(outcomes.filter((outcome) => outcome === 'adopted')).toHaveLength(1)
        expect(await store.load(handle)).toBe(documents[outcomes.indexOf('adopted')])
      })

      test('notes the session in the index of its user, unless the user is barred', async () => {
        const owner = userKeyOf('dan')
        const [handle, late] = [freshHandle(owner.slice(0, 3)), freshHandle(owner.slice(0, 3))]
        await store.adopt(handle, adoption({ owner }))
        expect(await store.users.count(owner, NOW)).toBe(1)
        await store.users.bar(owner, HOUR)
        await store.users.end(owner, { except: undefined, most: 10 })
        expect(await store.load(handle)).toBeUndefined()
        expect(await store.adopt(late, adoption({ owner }))).toBe('known')
        expect(await store.load(late)).toBeUndefined()
      })
    })

    describe('update', () => {
      test('writes the changed fields and leaves the others as they are', async () => {
        const handle = await stored({ a: 1, b: 2, c: 3 })
        const changes = [change('a', 1, 9), change('c', 3, undefined), change('d', undefined, [4])]
        expect(await store.update(handle, patch({ changes }))).toEqual({
          kind: 'updated',
          conflicts: [],
        })
        expect(await store.load(handle)).toBe(
          documentOf({ a: 9, b: 2, d: [4] }, { revision: 'second' }),
        )
      })

      test('leaves the bytes of a field alone that another writer spelled differently', async () => {
        const handle = freshHandle()
        const text = documentOf({ n: 1, a: 1 }).replace('"n":1', '"n":1.0e0')
        await store.create(handle, text, HOUR)
        await store.update(handle, patch({ changes: [change('a', 1, 2)] }))
        expect(await linesAt(handle)).toEqual({ '"n"': '1.0e0', '"a"': '2' })
      })

      test('names the write, moves the idle limit and the end of the key with it', async () => {
        const handle = await stored()
        const now = NOW + 600_000
        await store.update(handle, patch({ now, revision: 'r-_9', changes: [] }))
        expect(await metaAt(handle)).toEqual({ ...meta, revision: 'r-_9', lastSeenAt: now })
        expect(await subject.leavesAfter(handle, HOUR)).toBe(true)
      })

      test('never lets the session or its key outlive the absolute limit', async () => {
        const handle = await stored({}, { lastSeenAt: NOW + 23.5 * HOUR })
        const now = NOW + 23.9 * HOUR
        await store.update(handle, patch({ now }))
        expect(await metaAt(handle)).toMatchObject({ absoluteDeadline: NOW + 24 * HOUR })
        expect(await subject.leavesAfter(handle, 0.1 * HOUR)).toBe(true)
      })

      test('by a slower clock does not move the idle limit back', async () => {
        const handle = await stored({}, { lastSeenAt: NOW + 10_000 })
        await store.update(handle, patch({ now: NOW + 4000 }))
        expect(await metaAt(handle)).toMatchObject({ lastSeenAt: NOW + 10_000 })
        expect(await subject.leavesAfter(handle, HOUR + 6000)).toBe(true)
      })

      test('sent a second time changes nothing and says the same', async () => {
        const handle = await stored({ a: 1 })
        const first = patch({ changes: [change('a', 1, 2), change('b', undefined, 3)] })
        expect(await store.update(handle, first)).toEqual({ kind: 'updated', conflicts: [] })
        const text = await store.load(handle)
        for (const onConflict of ['overwrite', 'refuse'] as const) {
          const again = await store.update(handle, { ...first, onConflict })
          expect(again).toEqual({ kind: 'updated', conflicts: [] })
          expect(await store.load(handle)).toBe(text)
        }
      })

      describe('of a field that another request changed', () => {
        const mine = [change('other', undefined, 'x'), change('a', 1, 'mine')]

        test('writes over it and names it, where it is told to', async () => {
          const handle = await stored({ a: 'theirs' })
          const outcome = await store.update(handle, patch({ changes: mine }))
          expect(outcome).toEqual({ kind: 'updated', conflicts: ['"a"'] })
          expect(await linesAt(handle)).toEqual({ '"a"': '"mine"', '"other"': '"x"' })
        })

        test('writes nothing at all and gives back what is there, where it is told to refuse', async () => {
          const handle = await stored({ a: 'theirs' })
          const document = await store.load(handle)
          const outcome = await expectUntouched(handle, () =>
            store.update(handle, patch({ onConflict: 'refuse', changes: mine })),
          )
          expect(outcome).toEqual({ kind: 'conflict', document })
        })

        test.each<[string, object, FieldChange, isConflict: boolean]>([
          ['stored as loaded', { a: 1 }, change('a', 1, 2), false],
          ['stored as wanted', { a: 2 }, change('a', 1, 2), true],
          ['stored otherwise', { a: 3 }, change('a', 1, 2), true],
          ['absent, as loaded', {}, change('a', undefined, 2), false],
          ['absent, and was there', {}, change('a', 1, 2), true],
          ['there, and was absent', { a: 1 }, change('a', undefined, 2), true],
          ['absent, as wanted', {}, change('a', 1, undefined), true],
          ['changed, to be removed', { a: 2 }, change('a', 1, undefined), true],
        ])('%s', async (_title, fields, one, isConflict) => {
          const refusing = await stored(fields)
          const outcome = await store.update(
            refusing,
            patch({ onConflict: 'refuse', changes: [one] }),
          )
          expect(outcome.kind).toBe(isConflict ? 'conflict' : 'updated')
          const handle = await stored(fields)
          const named = await store.update(handle, patch({ changes: [one] }))
          expect(named).toEqual({ kind: 'updated', conflicts: isConflict ? ['"a"'] : [] })
          expect((await linesAt(handle))['"a"'] ?? '').toBe(one.to)
        })
      })

      test.each(strangeNames)('finds a field named with %s among others', async (_title, field) => {
        const near = { user: 'ann', use: 1, users: 2, b: '\n,"user":"mallory"' }
        const handle = await stored({ ...near, [field]: 'old', last: true })
        const untouched = Object.fromEntries(
          Object.entries({ ...near, last: true }).map(([key, value]) => [json(key), json(value)]),
        )
        const values = ['old', `new ${field}`, undefined, { again: `\n,${json(field)}:1` }]
        for (const [at, from] of values.slice(0, -1).entries()) {
          const changes = [change(field, from, values[at + 1])]
          const revision = `step${at}`
          const outcome = await store.update(
            handle,
            patch({ revision, changes, onConflict: 'refuse' }),
          )
          expect(outcome).toEqual({ kind: 'updated', conflicts: [] })
          const expected = values[at + 1]
          expect(await linesAt(handle)).toEqual({
            ...untouched,
            ...(expected === undefined ? {} : { [json(field)]: json(expected) }),
          })
        }
      })

      test('changes the limits of the session where new ones are given', async () => {
        const handle = await stored()
        const lifetime: Lifetime = {
          idleTimeout: 5 * HOUR,
          absoluteDeadline: NOW + 100 * HOUR,
          persistent: true,
        }
        await store.update(handle, patch({ lifetime }))
        expect(await metaAt(handle)).toEqual({ ...meta, ...lifetime, revision: 'second' })
        const shorter = { idleTimeout: 60_000, absoluteDeadline: NOW + HOUR, persistent: false }
        await store.update(handle, patch({ revision: 'third', lifetime: shorter }))
        expect(await metaAt(handle)).toEqual({ ...meta, ...shorter, revision: 'third' })
        expect(await subject.leavesAfter(handle, 60_000)).toBe(true)
      })

      test('keeps the limits of the session where none are given', async () => {
        const handle = await stored({}, { persistent: true, idleTimeout: 2 * HOUR })
        await store.update(handle, patch({}))
        expect(await metaAt(handle)).toMatchObject({ persistent: true, idleTimeout: 2 * HOUR })
      })

      test('counts bytes, and lets a document become as large as the limit but no larger', async () => {
        const handle = await stored({ a: 'é' })
        const grown = documentOf({ a: 'é', b: 'ü'.repeat(100) }, { revision: 'second' })
        const maxBytes = Buffer.byteLength(grown)
        const changes = [change('b', undefined, 'ü'.repeat(100))]
        const tooMuch = patch({ changes, maxBytes: maxBytes - 1 })
        expect(await expectUntouched(handle, () => store.update(handle, tooMuch))).toEqual({
          kind: 'too-large',
        })
        expect(await store.update(handle, patch({ changes, maxBytes }))).toMatchObject({
          kind: 'updated',
        })
        expect(await store.load(handle)).toBe(grown)
      })

      test('writes and replaces a field of 10 kB', async () => {
        const handle = await stored({ user: 'ann' })
        const [x, y] = ['x'.repeat(10_000), 'y'.repeat(10_000)]
        const exact = { onConflict: 'refuse' } as const
        const writing = patch({ ...exact, revision: 'r1', changes: [change('big', undefined, x)] })
        const replacing = patch({ ...exact, revision: 'r2', changes: [change('big', x, y)] })
        expect(await store.update(handle, writing)).toMatchObject({ kind: 'updated' })
        expect(await store.update(handle, replacing)).toMatchObject({ kind: 'updated' })
        expect(await linesAt(handle)).toEqual({ '"user"': '"ann"', '"big"': json(y) })
      })

      test('50 at once of different fields all survive', async () => {
        const handle = await stored({})
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, at) => {
            const changes = [change(`f${at}`, undefined, at)]
            return store.update(
              handle,
              patch({ revision: `r${at}`, changes, onConflict: 'refuse' }),
            )
          }),
        )
        expect(outcomes.filter(({ kind }) => kind !== 'updated')).toEqual([])
        expect(Object.keys(await linesAt(handle))).toHaveLength(50)
      })

      test('20 at once that compare and set one counter lose none', async () => {
        const handle = await stored({ n: 0 })
        const add = async (who: number): Promise<void> => {
          for (let tries = 0, from = '0'; ; tries++) {
            const to = String(Number(from) + 1)
            const changes = [{ name: '"n"', from, to }]
            const revision = `w${who}t${tries}`
            const outcome = await store.update(
              handle,
              patch({ revision, changes, onConflict: 'refuse' }),
            )
            if (outcome.kind === 'updated') return
            from = (await linesAt(handle))['"n"'] ?? ''
          }
        }
        await Promise.all(Array.from({ length: 20 }, (_, who) => add(who)))
        expect(await linesAt(handle)).toEqual({ '"n"': '20' })
      })
    })

    describe('increment', () => {
      test('adds to a field, to an absent one as to 0, and leaves the others as they are', async () => {
        const handle = await stored({ user: 'ann', n: 41 })
        expect(await store.increment(handle, step({ by: 1 }))).toEqual({
          kind: 'incremented',
          value: 42,
        })
        const down = step({ revision: 'r2', name: '"m"', by: -7 })
        expect(await store.increment(handle, down)).toEqual({ kind: 'incremented', value: -7 })
        expect(await store.load(handle)).toBe(
          documentOf({ user: 'ann', n: 42, m: -7 }, { revision: 'r2' }),
        )
      })

      test.each([
        ['0', 0, 0],
        ['5', -5, 0],
        ['-5', 5, 0],
        ['-1', -1, -2],
        ['9007199254740990', 1, 9_007_199_254_740_991],
        ['-9007199254740990', -1, -9_007_199_254_740_991],
        ['1', 9_007_199_254_740_990, 9_007_199_254_740_991],
      ])('of %s by %i gives %i', async (value, by, sum) => {
        const handle = await holding(value)
        const outcome = await store.increment(handle, step({ by }))
        expect(outcome).toEqual({ kind: 'incremented', value: sum })
        expect(await linesAt(handle)).toEqual({ '"n"': String(sum) })
      })

      test.each([
        ['9007199254740991', 1],
        ['-9007199254740991', -1],
        ['9007199254740991', 9_007_199_254_740_991],
        ['99999999999999999999', 0],
        ['1.5', 1],
        ['1.0', 1],
        ['1e3', 1],
        ['"5"', 1],
        ['""', 1],
        ['null', 1],
        ['true', 1],
        ['[1]', 1],
        ['{"a":1}', 1],
      ])('of %s by %i is refused and changes nothing', async (value, by) => {
        const handle = await holding(value)
        const adding = (): Promise<unknown> => store.increment(handle, step({ by }))
        expect(await expectUntouched(handle, adding)).toEqual({ kind: 'not-integer' })
      })

      /** A session whose field n is this text. */
      async function holding(value: string): Promise<Handle> {
        const handle = freshHandle()
        await store.create(handle, documentOf({ n: 0 }).replace('"n":0', `"n":${value}`), HOUR)
        return handle
      }

      test('sent a second time adds nothing and says the same', async () => {
        const handle = await stored({ n: 1 })
        expect(await store.increment(handle, step({ by: 5 }))).toEqual({
          kind: 'incremented',
          value: 6,
        })
        const text6 = await store.load(handle)
        expect(await store.increment(handle, step({ by: 5 }))).toEqual({
          kind: 'incremented',
          value: 6,
        })
        expect(await store.load(handle)).toBe(text6)
      })

      test('100 at once add up', async () => {
        const handle = await stored({})
        const outcomes = await Promise.all(
          Array.from({ length: 100 }, (_, at) =>
            store.increment(handle, step({ revision: `r${at}` })),
          ),
        )
        const sums = outcomes.map((outcome) => (outcome.kind === 'incremented' ? outcome.value : 0))
        expect(new Set(sums).size).toBe(100)
        expect(await linesAt(handle)).toEqual({ '"n"': '100' })
      })

      test('moves the idle limit, never beyond the absolute one', async () => {
        const handle = await stored({}, { lastSeenAt: NOW + 23.5 * HOUR })
        await store.increment(handle, step({ now: NOW + 23.9 * HOUR }))
        expect(await metaAt(handle)).toMatchObject({
          lastSeenAt: NOW + 23.9 * HOUR,
          revision: 'second',
        })
        expect(await subject.leavesAfter(handle, 0.1 * HOUR)).toBe(true)
      })

      test('does not let a document become larger than the limit', async () => {
        const handle = await stored({ n: 9 })
        const maxBytes = Buffer.byteLength(documentOf({ n: 9 }, { revision: 'second' }))
        const growing = step({ maxBytes })
        expect(await expectUntouched(handle, () => store.increment(handle, growing))).toEqual({
          kind: 'too-large',
        })
        const fitting = step({ by: -1, maxBytes })
        expect(await store.increment(handle, fitting)).toEqual({ kind: 'incremented', value: 8 })
      })

      test.each(strangeNames)('of a field named with %s', async (_title, field) => {
        const handle = await stored({ user: 'ann', [field]: 1, last: true })
        const adding = step({ name: json(field), by: 2 })
        expect(await store.increment(handle, adding)).toEqual({ kind: 'incremented', value: 3 })
        expect(await linesAt(handle)).toMatchObject({ '"user"': '"ann"', [json(field)]: '3' })
      })
    })

    describe('touch', () => {
      test('moves the idle limit and the end of the key, and nothing else', async () => {
        const handle = await stored({ user: 'ann' })
        const now = NOW + 0.9 * HOUR
        expect(await store.touch(handle, now)).toBe('touched')
        expect(await store.load(handle)).toBe(documentOf({ user: 'ann' }, { lastSeenAt: now }))
        expect(await subject.leavesAfter(handle, HOUR)).toBe(true)
      })

      test('never lets the session outlive its absolute limit', async () => {
        const handle = await stored({}, { lastSeenAt: NOW + 23.5 * HOUR })
        expect(await store.touch(handle, NOW + 23.9 * HOUR)).toBe('touched')
        expect(await subject.leavesAfter(handle, 0.1 * HOUR)).toBe(true)
      })

      test('by a slower clock does not move the idle limit back', async () => {
        const handle = await stored({}, { lastSeenAt: NOW + 10_000 })
        expect(await store.touch(handle, NOW)).toBe('touched')
        expect(await metaAt(handle)).toMatchObject({ lastSeenAt: NOW + 10_000 })
      })
    })

    describe('regenerate', () => {
      test('moves a session, with its changes, and leaves a tombstone that names the new one', async () => {
        const handle = await stored({ user: 'ann', a: 1 })
        const next = succession(freshHandle(tagOf(handle)))
        const now = NOW + 1000
        const changes = [change('a', 1, 2)]
        const outcome = await store.regenerate(handle, patch({ now, changes }), next)
        expect(outcome).toEqual({ kind: 'updated', conflicts: [] })
        expect(await store.load(next.successor)).toBe(
          documentOf({ user: 'ann', a: 2 }, { revision: 'second', lastSeenAt: now }),
        )
        expect(await read(handle)).toMatchObject({ kind: 'moved', successor: next.successor })
        expect(await subject.leavesAfter(next.successor, HOUR)).toBe(true)
      })

      test('leaves a tombstone that leaves by itself', async () => {
        const handle = await stored()
        const next = succession(freshHandle(tagOf(handle)))
        await store.regenerate(handle, patch({}), next)
        expect(await subject.leavesAfter(handle, next.tombstone.ttl)).toBe(true)
      })

      test('puts a new document in its place, where one is given', async () => {
        const handle = await stored({ user: 'ann' })
        const document = documentOf({ user: 'bob' }, { revision: 'fresh0', createdAt: NOW + 5 })
        const next = succession(freshHandle(tagOf(handle)), { document, ttl: 2 * HOUR })
        expect(await store.regenerate(handle, patch({}), next)).toEqual({
          kind: 'updated',
          conflicts: [],
        })
        expect(await store.load(next.successor)).toBe(document)
        expect(await read(handle)).toMatchObject({ kind: 'moved' })
        expect(await subject.leavesAfter(next.successor, 2 * HOUR)).toBe(true)
      })

      test('puts a new document in the place of one that has grown over the limit since', async () => {
        const handle = await stored({ big: 'x'.repeat(5000) })
        const document = documentOf({}, { revision: 'fresh0' })
        const next = succession(freshHandle(tagOf(handle)), { document, ttl: HOUR })
        const outcome = await store.regenerate(handle, patch({ maxBytes: 2000 }), next)
        expect(outcome).toEqual({ kind: 'updated', conflicts: [] })
        expect(await store.load(next.successor)).toBe(document)
      })

      test('gives the new session other limits, where they are given', async () => {
        const handle = await stored()
        const next = succession(freshHandle(tagOf(handle)))
        const lifetime = { idleTimeout: 60_000, absoluteDeadline: NOW + HOUR, persistent: true }
        await store.regenerate(handle, patch({ lifetime }), next)
        expect(await metaAt(next.successor)).toEqual({ ...meta, ...lifetime, revision: 'second' })
        expect(await subject.leavesAfter(next.successor, 60_000)).toBe(true)
      })

      test('sent a second time changes nothing, whatever became of the new session', async () => {
        const handle = await stored({ a: 1 })
        const next = succession(freshHandle(tagOf(handle)))
        const moving = (): Promise<unknown> => store.regenerate(handle, patch({}), next)
        const done = { kind: 'updated', conflicts: [] }
        expect(await moving()).toEqual(done)
        expect(await expectUntouched(next.successor, moving)).toEqual(done)
        await store.update(next.successor, patch({ revision: 'r2', changes: [change('a', 1, 2)] }))
        expect(await expectUntouched(next.successor, moving)).toEqual(done)
        await store.end(next.successor, endedTombstone)
        expect(await expectUntouched(next.successor, moving)).toEqual(done)
        expect(await expectUntouched(handle, moving)).toEqual(done)
      })

      test.each([
        ['a live session', documentOf({ user: 'bob' })],
        ['a tombstone', endedTombstone.document],
        ['something foreign', 'hello'],
      ])('does not write over %s under the new handle', async (_title, there) => {
        const handle = await stored()
        const next = succession(freshHandle(tagOf(handle)))
        await store.create(next.successor, there, HOUR)
        const moving = (): Promise<unknown> => store.regenerate(handle, patch({}), next)
        expect(await expectUntouched(handle, moving)).toEqual({ kind: 'taken' })
        expect(await store.load(next.successor)).toBe(there)
      })

      test('with a conflict, or too large, moves nothing', async () => {
        const handle = await stored({ a: 'theirs' })
        const next = succession(freshHandle(tagOf(handle)))
        const document = await store.load(handle)
        const wrong = patch({ onConflict: 'refuse', changes: [change('a', 1, 2)] })
        const large = patch({ maxBytes: 1024, changes: [change('b', undefined, 'x'.repeat(1024))] })
        const move = (one: Patch) => (): Promise<unknown> => store.regenerate(handle, one, next)
        expect(await expectUntouched(handle, move(wrong))).toEqual({ kind: 'conflict', document })
        expect(await expectUntouched(handle, move(large))).toEqual({ kind: 'too-large' })
        expect(await store.load(next.successor)).toBeUndefined()
      })

      test('writes over a conflict where it is told to, and names it', async () => {
        const handle = await stored({ a: 'theirs' })
        const next = succession(freshHandle(tagOf(handle)))
        const outcome = await store.regenerate(
          handle,
          patch({ changes: [change('a', 1, 2)] }),
          next,
        )
        expect(outcome).toEqual({ kind: 'updated', conflicts: ['"a"'] })
      })

      test('of 20 at once one succeeds, and one session is left', async () => {
        const handle = await stored()
        const nexts = Array.from({ length: 20 }, () => succession(freshHandle(tagOf(handle))))
        const outcomes = await Promise.all(
          nexts.map((next, at) => store.regenerate(handle, patch({ revision: `r${at}` }), next)),
        )
        const kinds = outcomes.map(({ kind }) => kind)
        expect(kinds.filter((kind) => kind === 'updated')).toHaveLength(1)
        expect(kinds.filter((kind) => kind === 'gone')).toHaveLength(19)
        const left = await Promise.all(nexts.map(({ successor }) => store.load(successor)))
        expect(left.findIndex((one) => one !== undefined)).toBe(kinds.indexOf('updated'))
        expect(left.filter((one) => one !== undefined)).toHaveLength(1)
      })
    })

    describe('end', () => {
      test('removes a session and leaves a tombstone, which leaves by itself', async () => {
        const handle = await stored({ user: 'ann' })
        expect(await store.end(handle, endedTombstone)).toBe('ended')
        expect(await store.load(handle)).toBe(endedTombstone.document)
        expect(await subject.leavesAfter(handle, endedTombstone.ttl)).toBe(true)
      })

      test('a second time changes nothing', async () => {
        const handle = await stored()
        await store.end(handle, endedTombstone)
        const longer = { document: '{"@":["ended"]\n}', ttl: 48 * HOUR }
        expect(await expectUntouched(handle, () => store.end(handle, longer))).toBe('absent')
      })

      test('of nothing leaves nothing', async () => {
        const handle = freshHandle()
        expect(await store.end(handle, endedTombstone)).toBe('absent')
        expect(await store.load(handle)).toBeUndefined()
      })

      test('of something foreign removes it and leaves nothing', async () => {
        const handle = freshHandle()
        await store.create(handle, 'hello', HOUR)
        expect(await store.end(handle, endedTombstone)).toBe('absent')
        expect(await store.load(handle)).toBeUndefined()
      })

      test('of a session that moved keeps the tombstone that says so', async () => {
        const handle = await stored()
        const next = succession(freshHandle(tagOf(handle)))
        await store.regenerate(handle, patch({}), next)
        const ending = (): Promise<unknown> => store.end(handle, endedTombstone)
        expect(await expectUntouched(handle, ending)).toBe('absent')
        expect(await metaAt(next.successor)).toMatchObject({ revision: 'second' })
      })

      test('of 20 at once one has ended it', async () => {
        const handle = await stored()
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, () => store.end(handle, endedTombstone)),
        )
        expect(outcomes.filter((outcome) => outcome === 'ended')).toHaveLength(1)
      })

      test('in the middle of 80 other writes is the last word', async () => {
        const handle = await stored({ n: 0 })
        const numbers = Array.from({ length: 10 }, (_, at) => at)
        const others = (): Promise<unknown>[] =>
          numbers.flatMap((at) => [
            store.update(handle, patch({ revision: `u${at}`, changes: [change(`f${at}`, 0, 1)] })),
            store.increment(handle, step({ revision: `i${at}` })),
            store.touch(handle, NOW + at),
            store.create(handle, documentOf({}), HOUR),
          ])
        const before = others()
        const ending = store.end(handle, endedTombstone)
        const after = others()
        expect(await ending).toBe('ended')
        const nexts = numbers.map(() => succession(freshHandle(tagOf(handle))))
        const late = nexts.map((next) => store.regenerate(handle, patch({}), next))
        await Promise.all([...before, ...after, ...late])
        expect(await store.load(handle)).toBe(endedTombstone.document)
        const successors = await Promise.all(nexts.map(({ successor }) => store.load(successor)))
        expect(successors.filter((one) => one !== undefined)).toEqual([])
      })
    })

    describe('claim', () => {
      const moved = () => movedTombstone(freshHandle(), 0)

      test('ends a live session and hands over its document', async () => {
        const handle = await stored({ user: 'ann' })
        expect(await store.claim(handle, moved(), NOW)).toBe(documentOf({ user: 'ann' }))
        expect(await read(handle)).toMatchObject({ kind: 'moved' })
      })

      test('sent a second time says that it was done, and by another one that it is too late', async () => {
        const handle = await stored()
        const mine = moved()
        await store.claim(handle, mine, NOW)
        expect(await store.claim(handle, mine, NOW)).toBe('')
        expect(await store.claim(handle, moved(), NOW)).toBeUndefined()
      })

      test('of what has expired, or never was, is nothing', async () => {
        const handle = await stored()
        expect(await store.claim(handle, moved(), NOW + 25 * HOUR)).toBeUndefined()
        expect(await store.claim(freshHandle(), moved(), NOW)).toBeUndefined()
      })
    })

    describe('admit', () => {
      const ann = userKeyOf('ann')
      const mine = () => freshHandle(ann.slice(0, 3))
      const admission = (handle: Handle, about: Partial<Admission> = {}): Admission => ({
        owner: ann,
        document: documentOf({ of: handle }),
        ttl: HOUR,
        now: NOW,
        ...about,
      })
      const before = (handle: Handle, owner?: UserKey): GivingWay => ({
        handle,
        owner,
        tombstone: movedTombstone(freshHandle(), 0),
      })

      afterEach(() => store.users.end(ann, { except: undefined, most: 100 }))

      test('takes the place of a session in the same slot, whosesoever it was, in one step', async () => {
        const other = `${ann.slice(0, 3)}another-user-here!` as UserKey
        for (const owner of [ann, other, undefined]) {
          const [old, next] = [mine(), mine()]
          if (owner) await store.users.admit(old, admission(old, { owner }))
          else await store.create(old, admission(old).document, HOUR)
          const outcome = await store.users.admit(
            next,
            admission(next, { before: before(old, owner) }),
          )
          const replaced = admission(old).document
          expect(outcome).toEqual({ kind: 'admitted', evicted: [], replaced })
          expect(await read(old)).toMatchObject({ kind: 'moved' })
          expect(await store.users.count(other, NOW)).toBe(0)
        }
        expect(await store.users.count(ann, NOW)).toBe(3)
      })

      test('in the place of one that has ended writes nothing', async () => {
        const [old, next] = [mine(), mine()]
        const late = admission(next, { before: before(old, ann) })
        expect(await store.users.admit(next, late)).toEqual({ kind: 'gone' })
        expect(await store.load(next)).toBeUndefined()
        expect(await store.users.count(ann, NOW)).toBe(0)
      })

      test('of two in the place of one session in another slot the second is too late, and evicts nobody', async () => {
        const [old, first, second] = [freshHandle(), mine(), mine()]
        const limit = { most: 1, beyond: 'evict-oldest' } as const
        const admit = (handle: Handle) =>
          store.users.admit(handle, admission(handle, { before: before(old), limit }))
        expect(await admit(first)).toMatchObject({ kind: 'admitted', evicted: [] })
        expect(await admit(second)).toEqual({ kind: 'gone' })
        expect(await store.users.count(ann, NOW)).toBe(1)
        expect(await read(first)).toMatchObject({ kind: 'live' })
      })

      test('sent a second time says that it was done', async () => {
        const [old, next] = [mine(), mine()]
        await store.users.admit(old, admission(old))
        const same = admission(next, { before: before(old, ann) })
        expect(await store.users.admit(next, same)).toMatchObject({ kind: 'admitted' })
        expect(await store.users.admit(next, same)).toMatchObject({ kind: 'admitted' })
        expect(await store.users.count(ann, NOW)).toBe(1)
      })
    })

    describe('what has ended stays ended:', () => {
      const MOVED = movedTombstone('abcABCDEFGHIJKLMNOPQRSTUV' as Handle, NOW + HOUR)
      const endings: [title: string, text: string | undefined, now: number][] = [
        ['nothing there', undefined, NOW],
        ['destroyed', endedTombstone.document, NOW],
        ['moved to another id', MOVED.document, NOW],
        ['over its idle limit', documentOf({ n: 1 }), NOW + HOUR],
        [
          'over its absolute limit',
          documentOf({ n: 1 }, { lastSeenAt: NOW + 23.9 * HOUR }),
          NOW + 24 * HOUR,
        ],
        ['far over both limits', documentOf({ n: 1 }), NOW + 900 * HOUR],
        ['of another version', documentOf({ n: 1 }).replace('[1,', '[2,'), NOW],
        ['the session of another library', '{"cookie":{},"n":1}', NOW],
        ['no JSON', 'hello\n,"n":1\n}', NOW],
        ['empty', '', NOW],
      ]

      test.each(endings)('%s', async (_title, text0, now) => {
        const handle = freshHandle()
        const next = succession(freshHandle(tagOf(handle)))
        if (text0 !== undefined) await store.create(handle, text0, HOUR)
        const lifetime = { ...meta, idleTimeout: 9000 * HOUR, absoluteDeadline: NOW + 9000 * HOUR }
        const changes = [change('n', 1, 2)]
        const verbs: [string, () => Promise<unknown>][] = [
          ['touch', () => store.touch(handle, now)],
          ['update', () => store.update(handle, patch({ now, changes }))],
          ['update of its limits', () => store.update(handle, patch({ now, lifetime }))],
          ['update again', () => store.update(handle, patch({ now, revision: 'first0' }))],
          ['increment', () => store.increment(handle, step({ now }))],
          ['increment again', () => store.increment(handle, step({ now, revision: 'first0' }))],
          ['regenerate', () => store.regenerate(handle, patch({ now, changes }), next)],
          [
            'regenerate without data',
            () =>
              store.regenerate(handle, patch({ now }), {
                ...next,
                fresh: { document: documentOf({}), ttl: HOUR },
              }),
          ],
        ]
        for (const [verb, run] of verbs) {
          const outcome = await expectUntouched(handle, run)
          expect([verb, outcome]).toEqual([verb, verb === 'touch' ? 'gone' : { kind: 'gone' }])
        }
        expect(await store.load(next.successor)).toBeUndefined()
      })

      test('also when its tombstone has left', async () => {
        const handle = await stored()
        await store.end(handle, { ...endedTombstone, ttl: 1 })
        expect(await subject.leavesAfter(handle, 1)).toBe(true)
        // Redis lets keys go by its own clock.
        while ((await store.load(handle)) !== undefined);
        expect(await store.touch(handle, NOW)).toBe('gone')
        expect(await store.update(handle, patch({}))).toEqual({ kind: 'gone' })
        expect(await store.increment(handle, step({}))).toEqual({ kind: 'gone' })
        const next = succession(freshHandle(tagOf(handle)))
        expect(await store.regenerate(handle, patch({}), next)).toEqual({ kind: 'gone' })
        expect(await store.load(next.successor)).toBeUndefined()
      })
    })

    describeActivity(() => store.activity)
    describeChannel(() => store.revocations)
  })
}

function documentOf(fields: object, about: Partial<Meta> = {}): string {
  const body = Object.entries(fields).map(([name, value]) => lineOf(json(name), json(value)))
  return encodeDocument({ ...meta, ...about }, body.join(''))
}

function patch(part: Partial<Patch>): Patch {
  return {
    now: NOW,
    revision: 'second',
    changes: [],
    onConflict: 'overwrite',
    maxBytes: LIMIT,
    ...part,
  }
}

function step(part: Partial<Increment>): Increment {
  return { now: NOW, revision: 'second', name: '"n"', by: 1, maxBytes: LIMIT, ...part }
}

function succession(successor: Handle, fresh?: Succession['fresh']): Succession {
  const tombstone = movedTombstone(successor, NOW + 10_000)
  return { successor, tombstone, ...(fresh ? { fresh } : {}) }
}

/** One field's change, from value to value; undefined is an absent field. */
function change(field: string, from: unknown, to: unknown): FieldChange {
  const textOf = (value: unknown): string => (value === undefined ? '' : json(value))
  return { name: json(field), from: textOf(from), to: textOf(to) }
}

function json(value: unknown): string {
  return JSON.stringify(value)
}

function tagOf(handle: Handle): string {
  return handle.slice(0, 3)
}
