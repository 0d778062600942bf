/** What one process ends, the others hear of: over every client and every kind of server. */
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { SessionEvents, Sessions, SessionsOptions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory/index.ts'
import type { RedisClient } from '../../src/redis/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { clientRows } from '../support/clients.ts'
import type { ClientRow } from '../support/clients.ts'
import { inBatches } from '../support/engines.ts'
import { freshPrefix, redisServers } from '../support/redis.ts'
import { subscribers } from '../support/subscribers.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  count: number
}

type Revoked = SessionEvents['revoked'][0]

async function processOf(
  row: Pick<ClientRow, 'connect'>,
  prefix: string,
  options: SessionsOptions<Data> = {},
): Promise<Sessions<Data>> {
  const { client, close } = await row.connect()
  const store = redisStore({ client, prefix })
  const sessions = createSessions<Data>({
    storeTimeout: '60s',
    cookie: { secure: true },
    ...options,
    store,
  })
  onTestFinished(async () => {
    await sessions.close()
    await close()
  })
  return sessions
}

/** The event of this session's end; what else is heard meanwhile belongs to what was before. */
const hears = (sessions: Sessions<Data>, handle: string): Promise<Revoked> =>
  new Promise((resolve) => {
    sessions.events.on('revoked', (event) => event.handle === handle && resolve(event))
  })

/** Such as `cluster`. */
const serversOf = ({ title }: ClientRow) =>
  title.split(', ')[1] as 'single' | 'cluster' | 'sentinel'

function stopped<Client extends { disconnect(): void; on(name: 'error', on: () => void): unknown }>(
  client: Client,
): Client {
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  return client
}

const signedIn = async (sessions: Sessions<Data>, user: string) => {
  const visitor = new Visitor(sessions)
  await visitor.visit((session) => session.signIn(user))
  return visitor
}

const handleOf = (visitor: Visitor<Data>) => visitor.visit(({ meta }) => meta.handle ?? '')

describe.each(clientRows)('$title', (row) => {
  test('whatever ends a session here is told there, once, without the user', async () => {
    const prefix = freshPrefix()
    const [here, there] = [
      await processOf(row, prefix, { maxSessionsPerUser: 1 }),
      await processOf(row, prefix),
    ]
    await Promise.all([here.listen(), there.listen()])
    const own: Revoked[] = []
    here.events.on('revoked', (event) => own.push(event))
    const ends: [
      by: Revoked['by'],
      (visitor: Visitor<Data>, handle: string) => Promise<unknown>,
    ][] = [
      ['user', (_, handle) => here.user('ann').revoke(handle)],
      ['admin', (_, handle) => here.revoke(handle)],
      ['admin', () => here.user('ann').revokeAll()],
      ['limit', () => signedIn(here, 'ann')],
      ['owner', (visitor) => visitor.visit((session) => session.destroy())],
      ['owner', (visitor) => visitor.visit((session) => session.signOut())],
    ]
    for (const [by, end] of ends) {
      const visitor = await signedIn(here, 'ann')
      const handle = await handleOf(visitor)
      const heard = hears(there, handle)
      await end(visitor, handle)
      expect(await heard).toEqual({ handle, userId: undefined, by, remote: true })
      await here.user('ann').revokeAll()
    }
    const anonymous = new Visitor(here)
    await anonymous.visit((session) => void (session.count = 1))
    const handle = await handleOf(anonymous)
    const heard = hears(there, handle)
    await here.revoke(handle)
    await heard
    // What the other one ends comes after all that this one has sent itself.
    const last = await handleOf(await signedIn(there, 'bob'))
    const final = hears(here, last)
    await there.user('bob').revokeAll()
    await final
    expect(own.filter(({ remote }) => remote).map((event) => event.handle)).toEqual([last])
    expect(new Set(own.map((event) => event.handle)).size).toBe(own.length)
  })

  test('who listens hears again after the connection was cut', async () => {
    const prefix = freshPrefix()
    const watched = await subscribers(serversOf(row), `${prefix}revoked`)
    const [here, there] = [await processOf(row, prefix), await processOf(row, prefix)]
    await there.listen()
    let connection = await watched.next()
    for (let times = 0; times < 3; times++) {
      await connection.kill()
      connection = await watched.next()
      const handle = await handleOf(await signedIn(here, 'ann'))
      const heard = hears(there, handle)
      await here.user('ann').revokeAll()
      expect(await heard).toMatchObject({ by: 'admin', remote: true })
    }
  })

  test('listening takes one connection, and ending it or closing leaves none', async () => {
    const prefix = freshPrefix()
    const watched = await subscribers(serversOf(row), `${prefix}revoked`)
    const sessions = await processOf(row, prefix)
    const stops = await Promise.all([sessions.listen(), sessions.listen(), sessions.listen()])
    expect(await watched.count()).toBe(1)
    await Promise.all(stops.map((stop) => stop()))
    await expect.poll(() => watched.count()).toBe(0)
    await sessions.listen()
    expect(await watched.count()).toBe(1)
    await sessions.close()
    await expect.poll(() => watched.count()).toBe(0)
    await expect(sessions.listen()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('a store that connects to a URL by itself', () => {
  test('hears of revocations, and closes all it has opened', async () => {
    const { single, stop } = await startRedis({ single: true })
    onTestFinished(() => stop())
    const url = `redis://127.0.0.1:${single.port}`
    const eyes = new Redis(url)
    onTestFinished(() => eyes.disconnect())
    const connections = async (): Promise<number> =>
      Number(/connected_clients:(\d+)/.exec(await eyes.info('clients'))?.[1])
    const [here, there] = [url, url].map((at) =>
      createSessions<Data>({ store: redisStore({ url: at }) }),
    )
    await there!.listen()
    const visitor = await signedIn(here!, 'ann')
    const handle = await handleOf(visitor)
    const heard = hears(there!, handle)
    await visitor.visit((session) => session.destroy())
    expect(await heard).toMatchObject({ by: 'owner', remote: true })
    await Promise.all([here!.close(), there!.close()])
    await expect.poll(connections).toBe(1)
  })

  test('tells of what was revoked just before it was closed', async () => {
    const { url } = redisServers().single
    const prefix = freshPrefix()
    const make = () => createSessions<Data>({ store: redisStore({ url, prefix }) })
    const [here, there] = [make(), make()]
    onTestFinished(() => there.close())
    await there.listen()
    const handle = await handleOf(await signedIn(here, 'ann'))
    const heard = hears(there, handle)
    await here.user('ann').revokeAll()
    await here.close()
    expect(await heard).toMatchObject({ by: 'admin' })
  })
})

describe('a client that puts a prefix of its own in front of keys', () => {
  const keyPrefix = 'app:'
  const { url } = redisServers().single
  test.each<[string, () => RedisClient]>([
    ['ioredis 6', () => stopped(new Redis(url, { keyPrefix }))],
    ['ioredis 5', () => stopped(new Redis5(url, { keyPrefix }))],
    ['iovalkey', () => stopped(new Valkey(url, { keyPrefix }))],
  ])('lists, revokes, counts and tells as any other: %s', async (_, client) => {
    const prefix = freshPrefix()
    const make = () => {
      const store = redisStore({ client: client(), prefix })
      return createSessions<Data>({ storeTimeout: '60s', activity: true, store })
    }
    const [here, there] = [make(), make()]
    onTestFinished(() => there.close())
    await there.listen()
    const devices = [await signedIn(here, 'ann'), await signedIn(here, 'ann')]
    const [handle = '', other = ''] = await Promise.all(devices.map(handleOf))
    expect((await here.user('ann').list()).sessions).toHaveLength(2)
    expect((await here.user('ann').revoke(handle)).ended).toEqual([handle])
    const heard = hears(there, other)
    expect((await here.user('ann').revokeAll()).ended).toEqual([other])
    await heard
    const users = await Promise.all(devices.map((device) => device.visit((s) => s.meta.userId)))
    expect(users).toEqual([undefined, undefined])
    await signedIn(here, 'bob')
    await here.close()
    expect(await there.activity('5m')).toMatchObject({ sessions: 1, users: 1 })
    const eyes = new Redis(url)
    onTestFinished(() => eyes.disconnect())
    expect(await eyes.keys(`${prefix}*`)).toEqual([])
    expect(await eyes.keys(`${keyPrefix}${prefix}*`)).not.toEqual([])
  })
})

describe('what is sent', () => {
  test('holds up to 100 handles, and nothing else of a session', async () => {
    const { url } = redisServers().single
    const prefix = freshPrefix()
    const listener = new Redis(url)
    onTestFinished(() => listener.disconnect())
    const texts: string[] = []
    await listener.subscribe(`${prefix}revoked`)
    const sessions = await processOf(clientRows[0]!, prefix)
    const visitors: Visitor<Data>[] = []
    await inBatches(250, 50, async () => {
      visitors.push(await signedIn(sessions, 'ann of somewhere'))
    })
    const last = await handleOf(await signedIn(sessions, 'bob'))
    const complete = new Promise<void>((resolve) => {
      listener.on('message', (_, text: string) => {
        texts.push(text)
        if (text.includes(last)) resolve()
      })
    })
    const { ended } = await sessions.user('ann of somewhere').revokeAll()
    await sessions.user('bob').revokeAll()
    await complete
    const messages = texts.map((text) => JSON.parse(text) as Record<string, string[]>)
    expect(messages.map(({ handles }) => handles?.length)).toEqual([100, 100, 50, 1])
    const told = messages.slice(0, 3).flatMap(({ handles = [] }) => handles)
    expect(new Set(told)).toEqual(new Set(ended))
    expect(Object.keys(messages[0]!).toSorted()).toEqual(['by', 'from', 'handles'])
    for (const text of texts) expect(text).not.toContain('somewhere')
    for (const { cookie } of visitors) {
      const id = cookie?.split('=')[1] ?? ''
      expect(texts.join('')).not.toContain(id.slice(3, 12))
    }
  })
})

describe('where it fails', () => {
  const events = (sessions: Sessions<Data>): string[] => {
    const failed: string[] = []
    sessions.events.on('storeFailed', ({ operation }) => failed.push(operation))
    return failed
  }

  test.each(clientRows.filter((row) => serversOf(row) === 'single'))(
    'a connection that is cut is told: $title',
    async (row) => {
      const prefix = freshPrefix()
      const watched = await subscribers('single', `${prefix}revoked`)
      const sessions = await processOf(row, prefix)
      await sessions.listen()
      const told = new Promise((resolve) => {
        sessions.events.on('storeFailed', resolve)
      })
      await (await watched.next()).kill()
      expect(await told).toMatchObject({ operation: 'listen', error: { code: 'ERR_STORE' } })
      await watched.next()
    },
  )

  test('a message that cannot be sent is told, and the revocation holds', async () => {
    const store = memoryStore()
    Object.assign(store.revocations, { publish: () => Promise.reject(new Error('NOPERM')) })
    const sessions = createSessions<Data>({ store })
    const failed = events(sessions)
    const visitor = await signedIn(sessions, 'ann')
    await sessions.user('ann').revokeAll()
    expect(await visitor.visit(({ meta }) => meta.userId)).toBeUndefined()
    await sessions.close()
    expect(failed).toEqual(['publish'])
  })

  const away = 'redis://127.0.0.1:1'
  const unreachable: [string, () => RedisClient | string][] = [
    ['a url', () => away],
    ['ioredis', () => stopped(new Redis(away))],
    ['iovalkey', () => stopped(new Valkey(away))],
  ]

  test.each(unreachable)('no server, and closed meanwhile: %s', async (_, make) => {
    const at = make()
    const store = redisStore(typeof at === 'string' ? { url: at } : { client: at })
    const sessions = createSessions<Data>({ store })
    const listening = sessions.listen()
    const reason = listening.catch((error: unknown) => error)
    await sessions.close()
    expect(await reason).toMatchObject({ code: 'ERR_CLOSED' })
  })

  test('a client that cannot be duplicated, and one that is not connected, say so', async () => {
    const { call } = stopped(new Redis(away))
    const bare = createSessions<Data>({ store: redisStore({ client: { call } }) })
    await expect(bare.listen()).rejects.toMatchObject({ code: 'ERR_OPTION' })
    const client = createClient() as unknown as RedisClient
    const unconnected = createSessions<Data>({ store: redisStore({ client }) })
    await expect(unconnected.listen()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('client.connect()'),
    })
  })
})

test('engines that share a store in memory hear of each other', async () => {
  const store = memoryStore()
  const [here, there] = [createSessions<Data>({ store }), createSessions<Data>({ store })]
  await Promise.all([here.listen(), there.listen()])
  const own: Revoked[] = []
  here.events.on('revoked', (event) => own.push(event))
  const handle = await handleOf(await signedIn(here, 'ann'))
  const heard = hears(there, handle)
  await here.user('ann').revokeAll()
  expect(await heard).toEqual({ handle, userId: undefined, by: 'admin', remote: true })
  expect(own).toEqual([{ handle, userId: 'ann', by: 'admin' }])
})
