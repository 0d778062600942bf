/** A Redis that is out of memory, or that became a replica, or forgot its scripts: the real ones. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../tools/redis/ask.mjs'
import { startRedis } from '../../tools/redis/start.mjs'
import { Visitor } from '../support/visitor.ts'
import { clients, siteThrough } from './sessions-through.ts'
import type { Data } from './sessions-through.ts'

const failed = { code: 'ERR_STORE', status: 503 }

let redis: Awaited<ReturnType<typeof startRedis<{ single: true }>>>
beforeAll(async () => {
  redis = await startRedis({ single: true })
})
afterAll(() => redis.stop())

describe.each(clients)('%s', (_, connect) => {
  async function own() {
    const { port } = redis.single
    onTestFinished(async () => {
      await ask(port, 'CONFIG', 'SET', 'maxmemory', '0')
      await ask(port, 'FLUSHALL')
    })
    const site = await siteThrough(connect, {}, { port })
    const visitor = new Visitor<Data>(site.sessions)
    await visitor.visit((session) => void (session.n = 1))
    await visitor.visit((session) => session.signIn('ann'))
    const admin = (...words: [string, ...string[]]) => ask(port, ...words)
    return { ...site, visitor, admin, cookie: visitor.cookie! }
  }

  test('without memory a write fails, a read is served, and a logout ends the session', async () => {
    const { sessions, truth, visitor, cookie, admin } = await own()
    await admin('CONFIG', 'SET', 'maxmemory', '1')
    await expect(visitor.visit((session) => void (session.n = 2))).rejects.toMatchObject(failed)
    expect(await visitor.visit(({ n }) => n)).toBe(1)
    const second = new Visitor<Data>(sessions)
    await expect(second.visit((session) => void (session.n = 3))).rejects.toMatchObject(failed)
    expect(second.cookie).toBeUndefined()
    await visitor.visit((session) => session.destroy())
    expect(visitor.cookie).toBeUndefined()
    await admin('CONFIG', 'SET', 'maxmemory', '0')
    expect(await new Visitor<Data>(truth, cookie).visit(({ n }) => n)).toBeUndefined()
    expect(await truth.user('ann').count()).toBe(0)
  })

  test('without memory all sessions of a user can be ended', async () => {
    const { sessions, truth, cookie, admin } = await own()
    await admin('CONFIG', 'SET', 'maxmemory', '1')
    expect((await sessions.user('ann').revokeAll()).ended).toHaveLength(1)
    await admin('CONFIG', 'SET', 'maxmemory', '0')
    expect(await new Visitor<Data>(truth, cookie).visit(({ n }) => n)).toBeUndefined()
  })

  test('a master that became a replica: writes fail, reads are served, and it ends', async () => {
    const { visitor, admin } = await own()
    await admin('REPLICAOF', '127.0.0.1', '1')
    await expect(visitor.visit((session) => void (session.n = 2))).rejects.toMatchObject(failed)
    expect(await visitor.visit(({ n }) => n)).toBe(1)
    await admin('REPLICAOF', 'NO', 'ONE')
    await visitor.visit((session) => void (session.n = 2))
    expect(await visitor.visit(({ n }) => n)).toBe(2)
  })

  test('SCRIPT FLUSH and CLIENT KILL between any two requests are not noticed', async () => {
    const { visitor, admin } = await own()
    for (let n = 10; n < 14; n++) {
      await admin('SCRIPT', 'FLUSH')
      await visitor.visit((session) => void (session.n = n))
      await admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      // The first request after a lost connection may be the one to find out.
      await expect.poll(() => visitor.visit((session) => session.n).catch(() => 'not yet')).toBe(n)
    }
  })
})
