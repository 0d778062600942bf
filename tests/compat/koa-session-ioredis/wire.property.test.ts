/** What the replaced stores have written we read, and what we write they read: the same bytes under the same key. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foreignPrefix, freshPrefix } from '../../support/redis.ts'
import { eyes, ours, parent, seed } from './support/stores.ts'

const RUNS = 300

/** As koa-generic-session keeps them, as koa-session does, and anything else that JSON can hold. */
const sessions = fc.oneof(
  fc
    .record({ data: fc.dictionary(fc.string(), fc.jsonValue()), cookie: cookies() })
    .map(({ data, cookie }) => ({ ...data, cookie })),
  fc
    .record({ data: fc.dictionary(fc.string(), fc.jsonValue()), _expire: fc.maxSafeNat() })
    .map(({ data, _expire }) => ({ ...data, _expire, _maxAge: 86_400_000 })),
  fc.jsonValue().map((value) => ({ value, text: 'ünïcode \u2028 \ud800 😀' })),
)

function cookies() {
  return fc.record({
    httpOnly: fc.boolean(),
    path: fc.constant('/'),
    overwrite: fc.constant(true),
    signed: fc.boolean(),
    maxAge: fc.option(fc.nat()),
    expires: fc.option(fc.date({ noInvalidDate: true })),
  })
}

/** Text in place of JSON, the same for both sides. */
const codec = {
  serialize: (session: object) => Buffer.from(JSON.stringify(session)).toString('base64'),
  unserialize: (text: string) => JSON.parse(Buffer.from(text, 'base64').toString()) as unknown,
}

const formats = [
  { title: `${seed.title}, JSON`, make: seed, options: {} },
  { title: `${parent.title}, JSON`, make: parent, options: {} },
  { title: `${parent.title}, serialize and unserialize`, make: parent, options: codec },
]

describe.each(formats)('$title', ({ make, options }) => {
  test(`0 mismatches in ${RUNS} generated sessions, in both directions`, async () => {
    const [theirs, own, redis] = [make(options), ours(options), eyes()]
    const prefix = freshPrefix()
    let at = 0
    await fc.assert(
      fc.asyncProperty(sessions, async (session) => {
        const [old, mine] = [`${prefix}${at}`, `${prefix}${at++}:ours`]
        await theirs.set(old, session, 60_000)
        await own.set(mine, session, 60_000)
        expect(await redis.get(mine)).toBe(await redis.get(old))
        const read = await theirs.get(old)
        expect(await own.get(old)).toStrictEqual(read)
        expect(await own.get(mine)).toStrictEqual(read)
        expect(await theirs.get(mine)).toStrictEqual(read)
        expect(JSON.stringify(read)).toBe(JSON.stringify(session))
        await (at % 2 ? own : theirs).destroy(old)
        expect([await theirs.get(old), await own.get(old)]).toEqual([null, null])
      }),
      { numRuns: RUNS },
    )
  })

  test('a key lives as long, to the second that the original rounds up to', async () => {
    const [theirs, own, redis] = [make(options), ours(options), eyes()]
    const prefix = freshPrefix()
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 20_000, max: 10_000_000_000 }), async (ttl) => {
        await theirs.set(`${prefix}old`, { n: 1 }, ttl)
        await own.set(`${prefix}ours`, { n: 1 }, ttl)
        const [old, mine] = [await redis.pttl(`${prefix}old`), await redis.pttl(`${prefix}ours`)]
        expect(mine).toBeLessThanOrEqual(ttl)
        expect(mine).toBeGreaterThan(ttl - 10_000)
        expect(Math.abs(old - mine)).toBeLessThan(10_000)
      }),
      { numRuns: 50 },
    )
  })

  test('an immortal key of the original is read, and has an end from the next save on', async () => {
    const [theirs, own, redis] = [make(options), ours(options), eyes()]
    const key = `${foreignPrefix()}immortal`
    await theirs.set(key, { n: 1 })
    expect(await redis.pttl(key)).toBe(-1)
    const session = (await own.get(key)) as { n: number }
    session.n++
    await own.set(key, session)
    expect(await redis.pttl(key)).toBeGreaterThan(86_000_000)
    expect(await theirs.get(key)).toEqual({ n: 2 })
  })
})
