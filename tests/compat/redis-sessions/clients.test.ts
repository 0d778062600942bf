/** All methods, over every client and every group of servers. */
import { RedisSessions } from 'handstamp/compat/redis-sessions'
import { describe, expect, test } from 'vitest'
import { clientRows } from '../../support/clients.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'

const app = 'forum'

describe.each(clientRows)('over $title', (row) => {
  test('every method does what it says', async () => {
    const { client } = await row.connect()
    const rs = new RedisSessions<{ a?: number; b?: string }>({
      client,
      namespace: `${freshPrefix()}c`,
    })
    expect(rs.redis).toBe(client)
    const { token } = await rs.create({ app, id: 'ada', ip: '192.0.2.7', d: { a: 1 } })
    const session = {
      id: 'ada',
      w: 1,
      ttl: 7200,
      idle: expect.any(Number) as number,
      ip: '192.0.2.7',
    }
    expect(await rs.get({ app, token })).toEqual({ ...session, r: 1, d: { a: 1 } })
    const changed = { ...session, r: 2, w: 2, d: { b: 'x' } }
    expect(await rs.set({ app, token, d: { b: 'x', a: null } })).toEqual(changed)
    expect(await rs.get({ app, token, _noupdate: true })).toEqual(changed)
    expect(await rs.soid({ app, id: 'ada' })).toEqual({ sessions: [changed] })
    expect(await rs.soapp({ app, deltaTime: 10 })).toEqual({ sessions: [changed] })
    expect(await rs.activity({ app, dt: 10 })).toEqual({ activity: 1 })
    expect(await rs.ping()).toBe('PONG')
    expect(rs.connected).toBe(true)
    const other = await rs.create({ app, id: 'ada', ip: '192.0.2.8' })
    expect(await rs.kill({ app, token })).toEqual({ kill: 1 })
    expect(await rs.kill({ app, token })).toEqual({ kill: 0 })
    expect(await rs.get({ app, token })).toBeNull()
    expect(await rs.set({ app, token, d: { a: 1 } })).toBeNull()
    expect(await rs.activity({ app, dt: 10 })).toEqual({ activity: 1 })
    expect(await rs.killsoid({ app, id: 'ada' })).toEqual({ kill: 1 })
    expect(await rs.get({ app, token: other.token })).toBeNull()
    expect(await rs.activity({ app, dt: 10 })).toEqual({ activity: 0 })
    await rs.create({ app, id: 'bob', ip: '192.0.2.9' })
    expect(await rs.killall({ app })).toEqual({ kill: 1 })
    expect(await rs.soid({ app, id: 'bob' })).toEqual({ sessions: [] })
    await rs.quit()
    await expect(rs.ping()).rejects.toMatchObject({ status: 503 })
  })
})

test('the prefix of a client stands before every key, as it did, and not before the channel', async () => {
  const prefix = freshPrefix()
  const { port } = redisServers().single
  const rs = new RedisSessions({ port, options: { prefix }, namespace: 'ns' })
  const { token } = await rs.create({ app, id: 'ada', ip: '192.0.2.7' })
  const plain = new RedisSessions({ port, namespace: `${prefix}ns` })
  expect(await plain.get({ app, token })).toMatchObject({ id: 'ada' })
  await Promise.all([rs.quit(), plain.quit()])
})
