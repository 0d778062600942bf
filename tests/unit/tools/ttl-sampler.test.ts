import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRedis } from '../../../tools/redis/start.mjs'
import { foreignPrefix } from '../../support/redis.ts'
import { startTtlSampler } from '../../support/ttl-sampler.ts'

/** A server of its own: what these tests do on purpose, the sampler of the run must not see. */
let redis: Awaited<ReturnType<typeof startRedis<{ single: true }>>>
let client: Redis

beforeAll(async () => {
  redis = await startRedis({ single: true })
  client = new Redis({ host: '127.0.0.1', port: redis.single.port })
})

beforeEach(async () => {
  await client.flushall()
})

afterAll(async () => {
  client.disconnect()
  await redis.stop()
})

test('keys that all have an expiry pass', async () => {
  await client.set('app:{ab}:one', 'v', 'EX', 100)

  expect(await startTtlSampler(redis).stop()).toMatch(
    /^ttl sampler: \d+ samples, 1 keys seen, 0 without an expiry$/,
  )
})

test('a key without an expiry is reported by its pattern, never by its id', async () => {
  await client.set('app:{ab}:kZ0x8T3fQ1yB7uLwE2nA9g', 'v')
  await client.set('app:{cd}:aA0x8T3fQ1yB7uLwE2nA9g', 'v')

  await expect(startTtlSampler(redis).stop()).rejects.toThrow(
    /2 keys seen, 2 without an expiry: app:\{\*\}:\*\. /,
  )
})

test('a key that was without an expiry only for a while is reported too', async () => {
  const sampler = startTtlSampler(redis, 1)
  await client.set('app:short', 'v')
  await sampled(2)
  await client.expire('app:short', 100)

  await expect(sampler.stop()).rejects.toThrow('1 without an expiry: app:short.')
})

test('keys of others may stay for ever', async () => {
  await client.set(`${foreignPrefix()}setting`, 'v')

  expect(await startTtlSampler(redis).stop()).toMatch(/ 0 keys seen, 0 without/)
})

test('a server that could never be looked at is an error, not a pass', async () => {
  const gone = await startRedis({ single: true })
  await gone.stop()

  await expect(startTtlSampler(gone).stop()).rejects.toThrow('never reached single')
})

/** Resolves once the server has seen so many more scans of a sampler. */
async function sampled(times: number): Promise<void> {
  const enough = (await scans()) + times
  while ((await scans()) < enough);
}

async function scans(): Promise<number> {
  return Number(/cmdstat_scan:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
}
