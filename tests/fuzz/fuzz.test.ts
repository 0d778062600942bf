/**
 * Whatever arrives as a cookie, a CSRF token, a stored document or a reply of Redis: never a crash, never
 * somebody's session. Quick by default; LONG=1 runs the large numbers and prints how long one input takes.
 * An input that once did harm goes into corpus/.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../../src/core/codec.ts'
import { decodeDocument } from '../../src/core/document.ts'
import { createSessions, HandstampError } from '../../src/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { Visitor } from '../support/visitor.ts'
import { corpus, spoiled } from './inputs.ts'

interface Data {
  user: string
  n: number
}

const isLong = process.env['LONG'] !== undefined
const patiently = { timeout: isLong ? 3_600_000 : 60_000 }

/** Runs over so many inputs; says what one took where that was asked for. */
async function over<Input>(
  runs: number,
  inputs: fc.Arbitrary<Input>,
  look: (input: Input) => void | Promise<void>,
): Promise<void> {
  const times: number[] = []
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      const began = performance.now()
      await look(input)
      if (isLong) times.push(performance.now() - began)
    }),
    { numRuns: runs },
  )
  if (!isLong) return
  const sorted = Float64Array.from(times).toSorted()
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(3)
  console.log(
    `${sorted.length} inputs: median ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1 - 1e-9)} ms`,
  )
}

describe.each([
  ['unsigned', {}],
  ['signed', { secret: 'qA9x7Lr2Vn5Tz8Kc3Jw6Ym1Pd4Hf0Gb_' }],
])('a Cookie header, ids %s', (_, options) => {
  test('is a session only where it brings the id of one', patiently, async () => {
    const sessions = createSessions<Data>({
      store: memoryStore(),
      storeTimeout: '60s',
      cookie: { name: 'sid', secure: false },
      ...options,
    })
    const ann = new Visitor(sessions)
    await ann.visit((session) => void (session.user = 'ann'))
    const { cookie = '' } = ann
    const value = cookie.slice('sid='.length)
    const known = [...(corpus('cookies') as string[]), cookie, `${cookie}0`, `sid=s:${value}`]
    await over(isLong ? 500_000 : 2000, spoiled(known), async (header) => {
      const step = await new Visitor(sessions, header).request()
      expect(step.session.user === undefined || header.includes(value)).toBe(true)
      await step.settle()
    })
    expect(await ann.visit(({ user }) => user)).toBe('ann')
  })
})

test('a document is decoded or told to be none, and reaches no prototype', patiently, async () => {
  await over(isLong ? 100_000 : 3000, spoiled(corpus('documents') as string[]), (text) => {
    const decoded = decodeDocument(text, jsonCodec)
    expect(['live', 'moved', 'ended', 'corrupt']).toContain(decoded.kind)
    expect(Reflect.get({}, 'admin')).toBeUndefined()
    if (decoded.kind !== 'live') return
    expect(Object.getPrototypeOf(decoded.fields)).toBe(Object.prototype)
    expect(Reflect.get(decoded.fields, 'admin')).toBeUndefined()
    for (const time of [decoded.meta.createdAt, decoded.meta.lastSeenAt])
      expect(Number.isSafeInteger(time)).toBe(true)
  })
})

test('a CSRF token is accepted only as it was given out', patiently, async () => {
  const sessions = createSessions<Data>({ store: memoryStore(), storeTimeout: '60s' })
  const [ann, bob] = [new Visitor(sessions), new Visitor(sessions)]
  const token = await ann.visit((session) => session.csrfToken())
  const other = await bob.visit((session) => session.csrfToken())
  const step = await ann.request()
  expect(step.session.verifyCsrf(token)).toBe(true)
  const texts = spoiled([...(corpus('tokens') as string[]), token, other, token.slice(1)])
  const inputs = fc.oneof({ weight: 5, arbitrary: texts }, fc.anything())
  await over(isLong ? 100_000 : 3000, inputs, (input) => {
    expect(step.session.verifyCsrf(input as string)).toBe(input === token)
  })
})

/** What an application sees of a Redis whose replies are not what a store would say. */
test(
  'a reply of a broken Redis is an error of the store, never a crash and never a session',
  patiently,
  async () => {
    const words = fc.constantFrom('updated', 'gone', 'conflict', 'admitted', 'ended', 'moved', 'OK')
    const reply = fc.oneof(
      fc.constantFrom(...corpus('replies')),
      spoiled(corpus('documents').filter((text) => !String(text).includes('"first0"')) as string[]),
      fc.array(fc.oneof(words, fc.jsonValue(), fc.constant(null)), { maxLength: 4 }),
      fc.jsonValue(),
      fc.integer(),
    )
    const deeds = fc.constantFrom<
      (session: Awaited<ReturnType<Sessions<Data>['getSession']>>) => unknown
    >(
      (session) => session.user,
      (session) => void (session.user = 'eve'),
      (session) => session.increment('n'),
      (session) => session.update('n', (n = 0) => n + 1),
      (session) => session.regenerate(),
      (session) => session.signIn('eve'),
      (session) => session.destroy(),
      (session) => session.touch(),
    )
    const cookie = `sid=${'A'.repeat(46)}`
    await over(
      isLong ? 50_000 : 1500,
      fc.tuple(deeds, fc.infiniteStream(reply)),
      async ([deed, replies]) => {
        const client = { call: async () => replies.next().value, on: () => undefined }
        const sessions = createSessions<Data>({
          store: redisStore({ client }),
          storeTimeout: '60s',
          cookie: { name: 'sid', secure: false },
        })
        sessions.events.on('storeFailed', () => undefined)
        try {
          const step = await new Visitor(sessions, cookie).request()
          expect(step.session.meta.userId).toBeUndefined()
          await deed(step.session)
          await step.settle()
        } catch (error) {
          if (!(error instanceof HandstampError)) throw error
        }
      },
    )
  },
)
