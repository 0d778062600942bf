/** One record that is damaged, or one message that cannot be sent, is no trouble for all other sessions. */
import { expect, test } from 'vitest'
import { freshPrefix } from '../../support/redis.ts'
import { ours, redis, startOurs } from './engines.ts'

const app = 'forum'
const whole = { app, id: 'ada', ip: '192.0.2.7', ttl: 60 }

/** Three sessions of one user: one is whole, one has a text as its record, one has data that are no JSON. */
async function damaged(namespace: string): Promise<{ token: string; text: string; data: string }> {
  const rs = startOurs(namespace)
  const tokens = [await rs.create(whole), await rs.create(whole), await rs.create(whole)]
  const [token = '', text = '', data = ''] = tokens.map((created) => created.token)
  const client = redis()
  await client.del(`${namespace}:${app}:${text}`)
  await client.set(`${namespace}:${app}:${text}`, 'of somebody else', 'EX', 600)
  await client.hset(`${namespace}:${app}:${data}`, 'd', '{"a":')
  return { token, text, data }
}

test.each(['soid', 'soapp'] as const)('%s lists what can be read', async (verb) => {
  const namespace = `${freshPrefix()}d`
  const { text, data } = await damaged(namespace)
  const { sessions } = await startOurs(namespace)[verb]({ app, id: 'ada', deltaTime: 60 })
  expect(sessions).toHaveLength(1)
  const client = redis()
  expect(await client.get(`${namespace}:${app}:${text}`)).toBe('of somebody else')
  expect(await client.smembers(`${namespace}:${app}:us:ada`)).not.toContain(text)
  // It is live, and can still be ended.
  expect(await client.smembers(`${namespace}:${app}:us:ada`)).toContain(data)
})

test.each(['killsoid', 'killall'] as const)('%s ends all sessions', async (verb) => {
  const namespace = `${freshPrefix()}d`
  const { text } = await damaged(namespace)
  expect(await startOurs(namespace)[verb]({ app, id: 'ada' })).toEqual({ kill: 2 })
  expect(await redis().keys(`${namespace}:*`)).toEqual([`${namespace}:${app}:${text}`])
})

test('a wipe goes on', async () => {
  const namespace = `${freshPrefix()}d`
  const { token, text, data } = await damaged(namespace)
  const client = redis()
  for (const each of [token, data]) await client.hset(`${namespace}:${app}:${each}`, 'la', '1')
  for (const member of await client.zrange(`${namespace}:SESSIONS`, '0', '-1'))
    await client.zadd(`${namespace}:SESSIONS`, 1, member)
  await ours.start(namespace).wipe()
  expect(await client.keys(`${namespace}:*`)).toEqual([`${namespace}:${app}:${text}`])
})

test.each(['kill', 'killsoid', 'killall'] as const)(
  '%s leaves no entry behind where the caches cannot be told, and says that they were not',
  async (verb) => {
    const namespace = `${freshPrefix()}d`
    const rs = startOurs(namespace, { cachetime: 60 })
    const { token } = await rs.create(whole)
    if (verb !== 'kill') await rs.create(whole)
    const client = rs.redis as unknown as { call(...args: unknown[]): Promise<unknown> }
    const native = client.call
    client.call = (...args) =>
      args[0] === 'publish' ? Promise.reject(new Error('NOPERM')) : native.apply(client, args)
    await expect(rs[verb]({ app, token, id: 'ada' })).rejects.toMatchObject({ code: 'ERR_STORE' })
    expect(await redis().keys(`${namespace}:*`)).toEqual([])
  },
)
