/** Old and new read each other's records: whatever the one writes, the other reads, field by field. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { foreignPrefix } from '../../support/redis.ts'
import { contentOf, originals, ours, redis } from './engines.ts'
import type { EngineRow } from './engines.ts'

const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  // JSON knows no -0.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.integer(),
  fc.boolean(),
)
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => {
  // lodash takes a key with these for a path, and drops this one.
  return !/[.[\]]/.test(name) && name !== '__proto__'
})
const data = fc.dictionary(key, value, { minKeys: 1, maxKeys: 6 })
const change = fc.dictionary(key, fc.option(value), { minKeys: 1, maxKeys: 6 })
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => {
  return !/[\n\r\u2028\u2029]/.test(text)
})

const session = fc.record(
  {
    app: fc.stringMatching(/^[a-zA-Z0-9_-]{3,20}$/),
    id,
    ip: fc.ipV4(),
    ttl: fc.integer({ min: 10, max: 3_000_000 }),
    d: data,
    no_resave: fc.boolean(),
  },
  { requiredKeys: ['app', 'id', 'ip'] },
)

const pairs = originals.flatMap((original) => [
  { writer: original, reader: ours },
  { writer: ours, reader: original },
])
const mixed = pairs.map((pair) => ({
  ...pair,
  title: `${pair.writer.title} → ${pair.reader.title}`,
}))

/** Quick by default; LONG=1 runs the numbers that the guide was checked with. */
const RUNS = process.env['LONG'] ? 150 : 30
/** In one moment: an idle second would move what is compared. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Each case on an empty namespace, also after one that failed. */
async function check<Case extends unknown[]>(
  namespace: string,
  property: fc.IAsyncPropertyWithHooks<Case>,
): Promise<void> {
  const client = redis()
  const clean = async (): Promise<void> => {
    const keys = await client.keys(`${namespace}:*`)
    if (keys.length > 0) await client.del(keys)
  }
  await fc.assert(property.beforeEach(clean), { numRuns: RUNS, endOnFailure: true })
}

describe.each(mixed)('$title', ({ writer, reader }) => {
  test('sessions that the one creates and changes are the same to the other', async () => {
    const namespace = `${foreignPrefix()}wire`
    const from = writer.start(namespace)
    const to = reader.start(namespace)
    await check(
      namespace,
      fc.asyncProperty(session, fc.option(change), async (given, changed) => {
        const { app } = given
        const { token } = await from.create({ ...given })
        // The original says w = 0 of a change to a session with no_resave; its record says 2.
        const mine = changed
          ? { ...(await from.set({ app, token, d: { ...changed } })), w: 2 }
          : await from.get({ app, token })
        const theirs = await to.get({ app, token })
        const reads = changed ? 1 : 2
        expect(theirs).toEqual({ ...mine, r: reads })
        const list = await to.soid({ app, id: given.id })
        expect(list).toEqual({ sessions: [{ ...mine, r: reads + 1 }] })
        expect(await to.soapp({ app, dt: 3600 })).toMatchObject({ sessions: [{ id: given.id }] })
        expect(await to.activity({ app, dt: 3600 })).toEqual({ activity: 1 })
        expect(await to.kill({ app, token })).toEqual({ kill: 1 })
        expect(await from.get({ app, token })).toBeNull()
      }),
    )
    // What the one has entered, the other has removed.
    expect(await contentOf(namespace)).toEqual({})
  })

  test('a change of the one to a session of the other gives the same record', async () => {
    const namespace = `${foreignPrefix()}wire`
    const from = writer.start(namespace)
    const to = reader.start(namespace)
    await check(
      namespace,
      fc.asyncProperty(session, change, async (given, d) => {
        const { app } = given
        const both = await Promise.all([from.create({ ...given }), from.create({ ...given })])
        const [ownToken = '', otherToken = ''] = both.map(({ token }) => token)
        const own = await from.set({ app, token: ownToken, d: { ...d } })
        const other = await to.set({ app, token: otherToken, d: { ...d } })
        expect({ ...other, w: 2 }).toEqual({ ...own, w: 2 })
        const content = await contentOf(namespace)
        expect(content[`${namespace}:${app}:${otherToken}`]).toEqual(
          content[`${namespace}:${app}:${ownToken}`],
        )
        expect(await to.killsoid({ app, id: given.id })).toEqual({ kill: 2 })
      }),
    )
    expect(await contentOf(namespace)).toEqual({})
  })
})

test('keys, types and contents of a created session are those of the original', async () => {
  const given = { app: 'forum', id: 'a:b', ip: '192.0.2.7', ttl: 99, d: { x: 1 }, no_resave: true }
  const contents = await Promise.all(
    [...originals, ours].map(async (row: EngineRow) => {
      const namespace = `${foreignPrefix()}wire`
      const { token } = await row.start(namespace).create({ ...given })
      const text = JSON.stringify(await contentOf(namespace))
      return JSON.parse(text.replaceAll(namespace, 'rs').replaceAll(token, 'token')) as object
    }),
  )
  const [first] = contents
  expect(Object.keys(first ?? {}).toSorted()).toEqual([
    'rs:SESSIONS',
    'rs:forum:_sessions',
    'rs:forum:_users',
    'rs:forum:token',
    'rs:forum:us:a:b',
  ])
  for (const content of contents) expect(content).toEqual(first)
})
