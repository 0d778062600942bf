/** How long a session is kept. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { expiryOf } from '../../../src/compat/koa-session-ioredis/expiry.ts'
import { freshPrefix } from '../../support/redis.ts'
import { eyes, ours } from './support/stores.ts'

const DAY = 86_400_000

test.each<[unknown, number]>([
  [60_000, 60_000],
  [0.2, 1],
  [1500.5, 1501],
  ['60000', 60_000],
  [' 250 ', 250],
  [0, 0],
  [-0.5, 0],
  [-60_000, 0],
  ['-1', 0],
  [Number.NEGATIVE_INFINITY, 0],
  [undefined, DAY],
  [null, DAY],
  [false, DAY],
  ['', DAY],
  [' ', DAY],
  ['session', DAY],
  ['15m', DAY],
  [Number.NaN, DAY],
  [Number.POSITIVE_INFINITY, DAY],
  [new Date(), DAY],
  [1e300, Number.MAX_SAFE_INTEGER],
])('a ttl of %j is %d ms', (ttl, expected) => {
  expect(expiryOf(ttl, DAY)).toBe(expected)
})

describe('in Redis', () => {
  test('the longest of all is taken', async () => {
    const [store, redis, key] = [ours(), eyes(), freshPrefix()]
    onTestFinished(async () => void (await redis.del(key)))
    await store.set(key, { n: 1 }, 1e300)
    expect(await redis.pttl(key)).toBeGreaterThan(9e15)
  })

  test.each([
    [undefined, DAY],
    ['30d', 30 * DAY],
    [5 * DAY, 5 * DAY],
  ])('with defaultTtl %s a session without a ttl is kept %d ms', async (defaultTtl, expected) => {
    const [store, redis, key] = [ours({ defaultTtl }), eyes(), freshPrefix()]
    await store.set(key, { n: 1 })
    const left = await redis.pttl(key)
    expect(left).toBeLessThanOrEqual(expected)
    expect(left).toBeGreaterThan(expected - 60_000)
  })

  test.each([0, -1, 'never', Number.POSITIVE_INFINITY])(
    'defaultTtl %s is refused',
    (defaultTtl) => {
      expect(() => ours({ defaultTtl })).toThrow(/^defaultTtl must be/)
    },
  )

  test('a session that has ended is removed', async () => {
    const [store, redis, key] = [ours(), eyes(), freshPrefix()]
    await store.set(key, { n: 1 }, 60_000)
    await store.set(key, { n: 2 }, 0)
    expect(await redis.exists(key)).toBe(0)
  })
})
