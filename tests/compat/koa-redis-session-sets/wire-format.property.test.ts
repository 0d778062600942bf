/**
 * Sessions go to and fro between the original and this package: the format that is documented of the
 * original is written and read here by raw commands.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Store } from '../../../src/compat/koa-redis-session-sets.ts'
import { foreignPrefix } from '../../support/redis.ts'
import { DocumentedStore } from './documented.ts'
import type { Value } from './documented.ts'
import { connected } from './site.ts'

const REFERENCES = ['user_id', 'ip']
const MAX_AGE = 28 * 86_400_000

function both(): { client: ReturnType<typeof connected>; old: DocumentedStore; ours: Store } {
  const client = connected()
  // The original gives its sets no expiry.
  const prefix = foreignPrefix()
  const references = Object.fromEntries(REFERENCES.map((name) => [name, {}]))
  return {
    client,
    old: new DocumentedStore(client, prefix, REFERENCES),
    ours: new Store({ client, prefix, references }),
  }
}

const text = fc.string({ unit: 'binary', maxLength: 40 })
const value: fc.Arbitrary<Value> = fc.oneof(text, fc.integer(), fc.double(), fc.boolean())
const name = fc
  .oneof(text, fc.constantFrom('7', 'constructor', '__proto__', 'a:b', '{x}'))
  .filter((field) => field !== 'id' && !REFERENCES.includes(field))
const given = fc.oneof(fc.string({ minLength: 1 }), fc.integer(), fc.boolean())
const session = fc
  .tuple(
    fc.array(fc.tuple(name, value), { maxLength: 12 }),
    fc.dictionary(fc.constantFrom(...REFERENCES), given),
  )
  .map(([fields, references]): Record<string, Value> => {
    return Object.fromEntries([...fields, ...Object.entries(references)])
  })

test('what the one has written, the other reads, to the byte: 2,000 sessions each way', async () => {
  const { client, old, ours } = both()
  const batch = fc.array(session, { minLength: 50, maxLength: 50 })
  let compared = 0
  await fc.assert(
    fc.asyncProperty(batch, async (sessions) => {
      await Promise.all(
        sessions.map(async (values) => {
          const [theirId, ourId] = [old.createSessionId(), ours.createSessionId()]
          await old.set(theirId, values)
          await ours.set(ourId, values)
          const expected = Object.fromEntries(
            Object.entries(values).map(([field, one]) => [field, String(one)]),
          )
          expect(await ours.get(theirId)).toEqual({ id: theirId, ...expected })
          expect(await old.get(ourId)).toEqual({ id: ourId, ...expected })
          for (const field of REFERENCES.filter((one) => Object.hasOwn(values, one))) {
            const key = ours.getReferenceKey(field, values[field])
            expect(key).toBe(old.getReferenceKey(field, values[field]))
            expect(await client.smembers(key)).toEqual(expect.arrayContaining([theirId, ourId]))
          }
          const [theirs, mine] = [old.getSessionKey(theirId), ours.getSessionKey(ourId)]
          for (const key of [theirs, mine]) {
            expect(await client.type(key)).toBe('hash')
            const left = await client.pttl(key)
            expect(left > MAX_AGE - 60_000 && left <= MAX_AGE).toBe(true)
          }
          compared += 2
        }),
      )
    }),
    { numRuns: 40, endOnFailure: true },
  )
  expect(compared).toBe(4000)
})

test('any mixture of servers changes a session as one kind alone does, and the sets name it', async () => {
  const { client, old, ours } = both()
  const step = fc.oneof(
    fc.record({ verb: fc.constant('set' as const), values: session }),
    fc.record({ verb: fc.constant('unset' as const), fields: fc.subarray(REFERENCES) }),
    fc.record({ verb: fc.constant('touch' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.boolean(), step), { minLength: 1, maxLength: 8 }),
      async (steps) => {
        const id = ours.createSessionId()
        let expected: Record<string, string> = { id }
        await ours.set(id, {})
        for (const [isOurs, one] of steps) {
          const store = isOurs ? ours : old
          if (one.verb === 'touch') await store.touch(id)
          else if (one.verb === 'set') {
            await store.set(id, one.values)
            const texts = Object.entries(one.values).map(([field, was]) => [field, String(was)])
            expected = { ...expected, ...Object.fromEntries(texts) }
          } else if (one.fields.length > 0) {
            await store.unset(id, one.fields)
            for (const field of one.fields) delete expected[field]
          }
          expect(await store.get(id)).toEqual(expected)
          for (const field of REFERENCES.filter((reference) => expected[reference])) {
            const key = ours.getReferenceKey(field, expected[field])
            expect(await client.sismember(key, id)).toBe(1)
          }
        }
        await ours.delete(id)
        expect(await old.get(id)).toEqual({})
      },
    ),
    { numRuns: 300, endOnFailure: true },
  )
})
