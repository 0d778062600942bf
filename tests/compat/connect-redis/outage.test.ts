/** What visitors and operators see while Redis is away. */
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient as createClient6 } from 'redis'
import { createClient as createClient3 } from 'redis3'
import { createClient as createClient4 } from 'redis4'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { RedisStore } from '../../../src/compat/connect-redis.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { Walker } from '../../support/walker.ts'
import { handlers, serve } from './express-app.ts'
import { originals } from './originals.ts'
import type { AnyStore, StoreClass } from './originals.ts'
import { relayTo } from './relay.ts'

const ours = RedisStore as unknown as StoreClass

/** Answers within a second or not at all, as a test cannot wait for a client's rounds of retries. */
const clients: [string, (port: number) => { client: object; close(): unknown }][] = [
  ['ioredis 6', (port) => disconnecting(new Redis(port, { maxRetriesPerRequest: 1 }))],
  ['ioredis 5', (port) => disconnecting(new Redis5(port, { maxRetriesPerRequest: 1 }))],
  ['iovalkey', (port) => disconnecting(new Valkey(port, { maxRetriesPerRequest: 1 }))],
  ['redis 6', (port) => nodeRedis(createClient6(nodeRedisOptions(port)))],
  ['redis 4', (port) => nodeRedis(createClient4(nodeRedisOptions(port)))],
  [
    'redis 3',
    (port) => {
      const client = createClient3({ port, enable_offline_queue: false })
      return { client, close: () => client.end(false) }
    },
  ],
]

const nodeRedisOptions = (port: number) => ({ socket: { port }, disableOfflineQueue: true })

function disconnecting(client: object & { disconnect(): void }) {
  return { client, close: () => client.disconnect() }
}

function nodeRedis(client: object & { connect(): Promise<unknown>; disconnect(): Promise<void> }) {
  client.connect().catch(() => undefined)
  return { client, close: () => client.disconnect().catch(() => undefined) }
}

/** Who tells whom what while Redis goes and comes back. */
async function outage(Class: StoreClass, connect: (typeof clients)[number][1]) {
  const relay = await relayTo(redisServers().single.port)
  const { client, close } = connect(relay.port)
  onTestFinished(async () => void (await close()))
  const store = new Class({ client, prefix: freshPrefix() })
  const events: string[] = []
  store.on('connect', () => events.push('connect'))
  store.on('disconnect', (error) => events.push(`disconnect ${error instanceof Error}`))
  const site = await serve(store, handlers)
  const ada = new Walker(site)
  await until('ada is signed in', async () => {
    await ada.get('/login')
    return (await ada.get('/who')).text === 'ada'
  })
  const before = await ada.cookie('connect.sid')
  await relay.cut()
  // The client has to notice.
  await until('the store fails', () =>
    asked(store, 500).then(
      () => false,
      () => true,
    ),
  )
  const during = await ada.get('/who')
  const cookie = await ada.cookie('connect.sid')
  await relay.mend()
  await until('ada is back', async () => (await ada.get('/who')).text === 'ada')
  return { events, status: during.status, text: during.text, keepsCookie: cookie === before }
}

function asked(store: AnyStore, patience: number): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(reject, patience)
    void store.get('x', (error) => (error ? reject(error) : resolve()))
  })
}

describe.each(clients)('over %s', (_, connect) => {
  test('a visitor gets an error and keeps the session, operators are told, once', async () => {
    const { events, status, text, keepsCookie } = await outage(ours, connect)
    expect({ status, keepsCookie }).toEqual({ status: 503, keepsCookie: true })
    expect(text).toMatch(/^ERR_STORE/)
    const [first, ...rest] = events
    expect(first).toBe('connect')
    expect(rest).toEqual(['disconnect true', 'connect'])
  })
})

test('connect-redis 3 lets the same visitor through without a session', async () => {
  const { events, status, text } = await outage(originals[3], clients[0]![1])
  expect({ status, text }).toEqual({ status: 200, text: 'no session' })
  expect(events).toContain('disconnect true')
})

test('connect-redis 10 tells nobody', async () => {
  const { events } = await outage(originals[10], (port) => {
    const client = createClient6(nodeRedisOptions(port))
    // The original leaves the client without a listener: its error would end the process.
    client.on('error', () => undefined)
    return nodeRedis(client)
  })
  expect(events).toEqual([])
})

test('an application that listens for disconnect after mounting is told', async () => {
  const relay = await relayTo(redisServers().single.port)
  const client = new Redis(relay.port)
  onTestFinished(() => client.disconnect())
  const store = new RedisStore({ client, prefix: freshPrefix() })
  await serve(store, handlers)
  await serve(store, handlers)
  const told = new Promise((resolve) => store.on('disconnect', resolve))
  await store.get('x')
  await relay.cut()
  expect(await told).toBeInstanceOf(Error)
  expect(store.listenerCount('disconnect')).toBe(1)
})

test('Redis that accepts and never answers is an error within five seconds', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
  await vi.waitUntil(() => silent.listening)
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const client = new Redis((silent.address() as AddressInfo).port, { retryStrategy: () => null })
  onTestFinished(() => client.disconnect())
  const store = new RedisStore({ client })
  const started = performance.now()
  await expect(store.get('x')).rejects.toMatchObject({ code: 'ERR_STORE_TIMEOUT', status: 503 })
  expect(performance.now() - started).toBeLessThan(6000)
})

test('a list of sessions is not given in part where a master of a Cluster does not answer', async () => {
  const nodes = redisServers().cluster.nodes.map(({ host, port }) => ({ host, port }))
  const client = new Cluster(nodes, { redisOptions: { maxRetriesPerRequest: 0 } })
  onTestFinished(() => client.disconnect())
  const store = new RedisStore({ client, prefix: freshPrefix() })
  await store.set('a', { cookie: {} })
  const [master] = client.nodes('master')
  Object.assign(master!, { call: () => Promise.reject(new Error('away')) })
  await expect(store.ids()).rejects.toMatchObject({ code: 'ERR_STORE' })
})
