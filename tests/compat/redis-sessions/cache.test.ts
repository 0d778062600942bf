/** The cache of `get`: what it answers, and what empties it. */
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { monitor } from '../../support/monitor.ts'
import { foreignPrefix, freshPrefix, redisServers } from '../../support/redis.ts'
import { originals, startOurs } from './engines.ts'

const app = 'forum'
const whole = { app, id: 'ada', ip: '192.0.2.7', d: { role: 'guest' } }

/** An engine whose cache is listening already. */
async function cached(namespace: string, more = {}): Promise<ReturnType<typeof startOurs>> {
  const rs = startOurs(namespace, { cachetime: 60, ...more })
  const client = new Redis(redisServers().single.port)
  onTestFinished(() => client.disconnect())
  await until('it listens', async () => {
    return Number((await client.pubsub('NUMSUB', `${namespace}:cache`))[1]) > 0
  })
  return rs
}

test('a cached session is answered without Redis, and does not count', async () => {
  const namespace = `${freshPrefix()}c`
  const rs = await cached(namespace)
  const { token } = await rs.create(whole)
  await rs.get({ app, token })
  const { linesWith } = await monitor(redisServers().single.port)
  expect(await rs.get({ app, token })).toMatchObject({ r: 1, d: { role: 'guest' } })
  expect(await rs.get({ app, token })).toMatchObject({ r: 1 })
  expect(await linesWith(namespace)).toEqual([])
  expect(await rs.get({ app, token, _nocache: true })).toMatchObject({ r: 2 })
})

test.each(['set', 'kill', 'killsoid', 'killall'] as const)(
  '%s of a process without a cache empties the caches of the others',
  async (verb) => {
    const namespace = `${freshPrefix()}c`
    const [reader, writer] = [await cached(namespace), startOurs(namespace)]
    const { token } = await reader.create(whole)
    await reader.get({ app, token })
    const calls = {
      set: () => writer.set({ app, token, d: { role: 'admin' } }),
      kill: () => writer.kill({ app, token }),
      killsoid: () => writer.killsoid({ app, id: 'ada' }),
      killall: () => writer.killall({ app }),
    }
    await calls[verb]()
    const role = async (): Promise<unknown> => (await reader.get({ app, token }))?.d?.['role']
    await expect.poll(role).toBe(verb === 'set' ? 'admin' : undefined)
  },
)

test('the originals and we empty each other’s caches', async () => {
  for (const original of originals) {
    const namespace = `${foreignPrefix()}c`
    const mine = await cached(namespace)
    const theirs = original.start(namespace, { cachetime: 60 })
    const { token } = await mine.create(whole)
    await Promise.all([mine.get({ app, token }), theirs.get({ app, token })])
    await theirs.set({ app, token, d: { role: 'admin' } })
    await expect.poll(async () => (await mine.get({ app, token }))?.d).toEqual({ role: 'admin' })
    await mine.set({ app, token, d: { role: 'owner' } })
    await expect.poll(async () => (await theirs.get({ app, token }))?.d).toEqual({ role: 'owner' })
    await mine.kill({ app, token })
    await expect.poll(() => theirs.get({ app, token })).toBeNull()
  }
})

test('what was killed while it was being read is not kept', async () => {
  const namespace = `${freshPrefix()}c`
  const [rs, killer] = [await cached(namespace), startOurs(namespace)]
  const { token } = await rs.create(whole)
  const client = rs.redis as unknown as { call(...args: unknown[]): Promise<unknown> }
  const native = client.call
  client.call = async (...args) => {
    client.call = native
    const reply = await native.apply(client, args)
    await killer.kill({ app, token })
    // Its message is here before the answer to this.
    for (let round = 0; round < 20; round++) await killer.ping()
    return reply
  }
  expect(await rs.get({ app, token })).toMatchObject({ id: 'ada' })
  expect(await rs.get({ app, token })).toBeNull()
})

test('cachemax bounds it, and with a client there is none', async () => {
  const namespace = `${freshPrefix()}c`
  const rs = await cached(namespace, { cachemax: 1 })
  const [first, second] = [await rs.create(whole), await rs.create(whole)]
  await rs.get({ app, ...first })
  await rs.get({ app, ...second })
  expect(await rs.get({ app, ...first })).toMatchObject({ r: 2 })
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  onTestFinished(() => warn.mockRestore())
  const client = new Redis(redisServers().single.port)
  const plain = startOurs(namespace, { client, cachetime: 60 })
  expect(warn).toHaveBeenCalledOnce()
  await plain.get({ app, ...first })
  expect(await plain.get({ app, ...first })).toMatchObject({ r: 4 })
})
