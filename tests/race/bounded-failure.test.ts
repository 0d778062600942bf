import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { Visitor } from '../support/visitor.ts'

interface Data {
  count: number
}

/** A client for a port, connected or trying to be. */
const clients: [string, (port: number) => { client: RedisClient; stop: () => unknown }][] = [
  ['ioredis', (port) => stoppable(new Redis({ port }))],
  ['iovalkey', (port) => stoppable(new Valkey({ port }))],
  [
    'node-redis',
    (port) => {
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      client.on('error', () => undefined)
      client.connect().catch(() => undefined)
      return { client: client, stop: () => client.destroy() }
    },
  ],
]

function stoppable(
  client: RedisClient & { disconnect(): void; on(name: 'error', on: () => void): unknown },
) {
  client.on('error', () => undefined)
  return { client: client as RedisClient, stop: () => client.disconnect() }
}

const down = { code: expect.stringMatching(/^ERR_STORE(_TIMEOUT)?$/), status: 503 }

describe.each(clients)('bounded failure with %s', (_, connect) => {
  function sessionsOn(port: number) {
    const { client, stop } = connect(port)
    onTestFinished(() => void stop())
    return createSessions<Data>({ store: redisStore({ client }), storeTimeout: 200 })
  }

  test('Redis that was never there is a typed error, never "no session", and no visitor without a cookie notices', async () => {
    const sessions = sessionsOn(1)
    const failures: string[] = []
    sessions.events.on('storeFailed', ({ operation }) => failures.push(operation))
    const known = new Visitor(sessions, `sid=${'A'.repeat(46)}`)
    await expect(known.request()).rejects.toMatchObject(down)
    const writer = await new Visitor(sessions).request()
    writer.session.count = 1
    await expect(writer.settle()).rejects.toMatchObject(down)
    // A failed response tells nothing about the session: the cookie stays as it is.
    expect(writer.leave()).toEqual([])
    expect(failures).toEqual(['load', 'create'])
    const anonymous = await new Visitor(sessions).visit(({ count }) => count)
    expect(anonymous).toBeUndefined()
  })

  test('Redis that is killed later is a typed error on read and on write', async () => {
    const server = await startRedis({ single: true })
    const sessions = sessionsOn(server.single.port)
    const visitor = new Visitor(sessions)
    await expect
      .poll(() => visitor.visit((session) => void (session.count = 1)).catch(() => 'not yet'))
      .toBeUndefined()
    const open = await visitor.request()
    await server.stop()
    await expect(visitor.request()).rejects.toMatchObject(down)
    open.session.count = 2
    await expect(open.settle()).rejects.toMatchObject(down)
    expect(open.leave()).toEqual([])
  })
})

test('Redis that stops answering is a typed error within the deadline', async () => {
  const server = await startRedis({ single: true })
  onTestFinished(() => server.stop())
  const client = new Redis({ port: server.single.port })
  onTestFinished(() => client.disconnect())
  const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1])
  const sessions = createSessions<Data>({ store: redisStore({ client }), storeTimeout: 50 })
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => void (session.count = 1))
  process.kill(pid, 'SIGSTOP')
  await expect(visitor.request()).rejects.toMatchObject({ code: 'ERR_STORE_TIMEOUT', status: 503 })
  process.kill(pid, 'SIGCONT')
  expect(await visitor.visit(({ count }) => count)).toBe(1)
})

test('a url without a server, and one without a client connection, fail the same way', async () => {
  const store = redisStore({ url: 'redis://127.0.0.1:1' })
  const sessions = createSessions<Data>({ store, storeTimeout: 200 })
  onTestFinished(() => sessions.close())
  await expect(new Visitor(sessions, `sid=${'A'.repeat(46)}`).request()).rejects.toMatchObject(down)
})

test('a node-redis client that nobody connected says so', async () => {
  const client = createClient() as unknown as RedisClient
  const sessions = createSessions<Data>({ store: redisStore({ client }) })
  const error: Error = await new Visitor(sessions, `sid=${'A'.repeat(46)}`).request().then(
    () => expect.unreachable('it is not connected'),
    (reason: Error) => reason,
  )
  expect(error.message).toContain('client.connect()')
})

describe('health', () => {
  test('of Redis as it comes tells what is unsafe about it, of one that is set up well nothing', async () => {
    const server = await startRedis({ single: true })
    onTestFinished(() => server.stop())
    const { port } = server.single
    const plain = new Redis({ port })
    onTestFinished(() => plain.disconnect())
    await plain.config('SET', 'save', '')
    await plain.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru')
    const unsafe = createSessions({ store: redisStore({ client: plain }), storeTimeout: '60s' })
    const report = await unsafe.health()
    expect(report).toMatchObject({ ok: true, store: 'up', breaker: 'closed' })
    expect(report.latencyMs).toBeGreaterThanOrEqual(0)
    expect(report.findings.map(({ code }) => code)).toEqual([
      'evicts',
      'not-persistent',
      'no-replicas',
      'client-no-command-timeout',
      'client-no-socket-timeout',
      'client-offline-queue',
      'client-resends',
    ])
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    await plain.config('SET', 'maxmemory-policy', 'noeviction', 'appendonly', 'yes')
    const safe = createSessions({
      store: redisStore({ url: `redis://127.0.0.1:${port}` }),
      storeTimeout: '60s',
    })
    onTestFinished(() => safe.close())
    expect((await safe.health()).findings.map(({ code }) => code)).toEqual(['no-replicas'])
    await plain.call(
      'ACL',
      'SETUSER',
      'narrow',
      'on',
      '>secret',
      '~hs:*',
      '+@read',
      '+info',
      '+ping',
    )
    const narrow = new Redis({ port, username: 'narrow', password: 'secret' })
    onTestFinished(() => narrow.disconnect())
    const confined = createSessions({ store: redisStore({ client: narrow }), storeTimeout: '60s' })
    const finding = (await confined.health()).findings.find(({ code }) => code === 'acl-too-narrow')
    expect(finding?.message).toMatch(/SET; EVAL/)
  })

  test.each(clients)(
    'of %s without a server says that it is down, and does not throw',
    async (_, connect) => {
      const { client, stop } = connect(1)
      onTestFinished(() => void stop())
      const sessions = createSessions({ store: redisStore({ client }), storeTimeout: 50 })
      expect(await sessions.health()).toEqual({
        ok: false,
        store: 'down',
        breaker: 'closed',
        latencyMs: null,
        findings: [],
      })
    },
  )
})
