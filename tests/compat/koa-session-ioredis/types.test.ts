/** What strict TypeScript says of stores; `tsc` is the judge. */
import redisStore from 'handstamp/compat/koa-session-ioredis'
import type { RedisStore, RedisStoreOptions } from 'handstamp/compat/koa-session-ioredis'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { CreateSessionOptions } from 'koa-session'
import { expectTypeOf, test } from 'vitest'

test('a store has the type of its client', () => {
  expectTypeOf(redisStore<Redis>).returns.toEqualTypeOf<RedisStore<Redis>>()
  const make = (client: Cluster) => redisStore({ client })
  expectTypeOf(make).returns.toHaveProperty('client').toEqualTypeOf<Cluster>()
  const construct = (client: Redis) => new redisStore({ client, db: 1 })
  expectTypeOf(construct).returns.toEqualTypeOf<RedisStore<Redis>>()
})

test('options of ioredis are taken, those of the store are checked', () => {
  const make = (options: RedisOptions) => redisStore(options)
  expectTypeOf(make).returns.toEqualTypeOf<RedisStore>()
  const inline = () => redisStore({ lazyConnect: true, defaultTtl: '30d', keyPrefix: 'k:' })
  expectTypeOf(inline).returns.toEqualTypeOf<RedisStore>()
  // @ts-expect-error a text with a unit, or milliseconds
  const wrong = () => redisStore({ lazyConnect: true, defaultTtl: 'soon' })
  expectTypeOf(wrong).toBeFunction()
  expectTypeOf<RedisStoreOptions['unserialize']>().parameter(0).toEqualTypeOf<string>()
})

test('a store is one that koa-session takes', () => {
  expectTypeOf<RedisStore>().toExtend<NonNullable<CreateSessionOptions['store']>>()
})

test('events say what they carry', () => {
  const listen = (store: RedisStore) => store.on('error', ({ message }) => message.trim())
  expectTypeOf(listen).returns.toEqualTypeOf<RedisStore>()
})
