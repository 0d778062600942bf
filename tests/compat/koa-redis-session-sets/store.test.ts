/** The store alone, over every client and every kind of server. */
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Store } from '../../../src/compat/koa-redis-session-sets.ts'
import type { StoreOptions } from '../../../src/compat/koa-redis-session-sets.ts'
import { driverOf } from '../../../src/redis/driver.ts'
import { clientRows } from '../../support/clients.ts'
import { freshPrefix } from '../../support/redis.ts'
import { connected } from './site.ts'

const references = { user_id: {}, ip: true }

describe.each(clientRows)('the store over $title', ({ connect }) => {
  async function start() {
    const { client, close } = await connect()
    onTestFinished(close)
    const store = new Store({ client, prefix: freshPrefix(), references })
    const send = (command: string, key: string, ...args: string[]): Promise<unknown> =>
      driverOf(client).send(key, false, [command, key, ...args])
    const members = async (field: string, value: string | number): Promise<unknown> =>
      send('SMEMBERS', store.getReferenceKey(field, value)).then((reply) =>
        // RESP3 has sets.
        Array.from(reply as Iterable<string>),
      )
    return { store, send, members }
  }

  test('sets, gets, unsets, touches and deletes sessions with their references', async () => {
    const { store, send, members } = await start()
    const id = store.createSessionId()
    expect(await store.get(id)).toEqual({})
    expect(await store.get(id, ['ip', 'id'])).toEqual({ ip: null, id: null })

    const values = { user_id: 1, ip: '::1', ok: true, none: null, gone: undefined, 7: 2.5 }
    expect(await store.set(id, values)).toEqual([
      [null, 'OK'],
      [null, 1],
      [null, 1],
      [null, 1],
    ])
    const stored = { id, user_id: '1', ip: '::1', ok: 'true', none: '', gone: '', 7: '2.5' }
    expect(await store.get(id)).toEqual(stored)
    expect(await store.get(id, ['ok', 'nope'])).toEqual({ ok: 'true', nope: null })
    expect(await store.get(id, [])).toEqual({})
    expect(await members('user_id', 1)).toEqual([id])
    expect(await members('ip', '::1')).toEqual([id])

    expect(await store.unset(id, ['ip', 'ok', 'nope'])).toEqual([
      [null, 2],
      [null, 1],
      [null, 1],
    ])
    expect(await members('ip', '::1')).toEqual([])

    expect(await store.touch(id, '2 days')).toBe(1)
    const left = Number(await send('PTTL', store.getSessionKey(id)))
    expect(left).toBeGreaterThan(2 * 86_400_000 - 30_000)
    expect(left).toBeLessThanOrEqual(2 * 86_400_000)

    expect(await store.update(id, { user_id: 2 })).toEqual([
      [null, 'OK'],
      [null, 1],
      [null, 1],
    ])
    expect([await members('user_id', 1), await members('user_id', 2)]).toEqual([[], [id]])
    expect(await store.setOnce(id, 'first', 'a')).toBe('a')
    expect(await store.setOnce(id, 'first', 'b')).toBe('a')

    expect(await store.delete(id)).toEqual([
      [null, 1],
      [null, 1],
      [null, 0],
    ])
    expect(await members('user_id', 2)).toEqual([])
    expect(await store.get(id)).toEqual({})
  })

  test('takes an expired session out of the set that another one joins', async () => {
    const { store, send, members } = await start()
    const expired = store.createSessionId()
    await store.set(expired, { user_id: 4 })
    await send('DEL', store.getSessionKey(expired))
    const id = store.createSessionId()
    await store.set(id, { user_id: 4 })
    expect(await members('user_id', 4)).toEqual([id])
  })

  test('does nothing to a session that is not there, but with set', async () => {
    const { store, members } = await start()
    const id = store.createSessionId()
    expect(await store.update(id, { user_id: 3 })).toBeNull()
    expect(await store.setOnce(id, 'a', 'b')).toBeNull()
    expect(await store.touch(id)).toBe(0)
    expect(await store.unset(id, ['user_id'])).toEqual([
      [null, 0],
      [null, 0],
      [null, 0],
    ])
    expect(await store.delete(id)).toEqual([
      [null, 0],
      [null, 0],
      [null, 0],
    ])
    expect(await store.get(id)).toEqual({})
    expect(await members('user_id', 3)).toEqual([])
  })
})

describe('the options of the store', () => {
  const over = (options: Partial<StoreOptions> = {}): Store =>
    new Store({ client: connected(), ...options })

  test('have the defaults of the original', () => {
    const { prefix, maxAge, byteLength, references: none } = over()
    expect({ prefix, maxAge, byteLength, size: none.size }).toEqual({
      prefix: '',
      maxAge: 28 * 86_400_000,
      byteLength: 18,
      size: 0,
    })
  })

  test('say where things lie: prefix, or namespace', () => {
    const store = over({ prefix: 'shop' })
    expect(store.getSessionKey('a+b/c=')).toBe('shop:{a+b/c=}')
    expect(store.getReferenceKey('user_id', 1)).toBe('shop:user_id:{1}')
    expect(over({ namespace: 'n' }).getSessionKey('a')).toBe('koa-redis-session-sets:n:{a}')
    expect(over({ namespace: 'n', prefix: 'p' }).getSessionKey('a')).toBe('p:{a}')
    expect(over().getSessionKey('a')).toBe(':{a}')
  })

  test('say how many random bytes an id has', () => {
    expect(over().createSessionId()).toMatch(/^[\w+/]{24}$/)
    expect(Buffer.from(over({ byteLength: 32 }).createSessionId(), 'base64')).toHaveLength(32)
  })

  test('keep what stands behind references', () => {
    const { references: kept, client } = over({ references: { a: { b: 1 }, c: true, d: null } })
    expect([...kept]).toEqual([
      ['a', { b: 1 }],
      ['c', true],
      ['d', {}],
    ])
    expect(client).toBeDefined()
  })

  test('need a client', () => {
    expect(() => new Store({ client: undefined as never })).toThrow(/is not a client/)
  })

  test('may be changed: keys as versions 1 and 2 of the original named them', async () => {
    const client = connected()
    const prefix = freshPrefix()
    const store = new Store({ client, prefix, references })
    store.getSessionKey = (id) => `${prefix}:${id}`
    store.getReferenceKey = (field, value) => `${prefix}:${field}:${value}`
    const id = store.createSessionId()
    await store.set(id, { user_id: 1 })
    expect(await client.hget(`${prefix}:${id}`, 'user_id')).toBe('1')
    expect(await client.smembers(`${prefix}:user_id:1`)).toEqual([id])
    await store.delete(id)
    expect(await client.keys(`${prefix}*`)).toEqual([])
  })
})

test('a key prefix of ioredis stands in front of all keys', async () => {
  const eyes = connected()
  const prefix = freshPrefix()
  const client = eyes.duplicate({ keyPrefix: prefix })
  onTestFinished(() => client.disconnect())
  const store = new Store({ client, references })
  const id = store.createSessionId()
  await store.set(id, { user_id: 1 })
  expect((await eyes.keys(`${prefix}*`)).toSorted()).toEqual(
    [`${prefix}:user_id:{1}`, `${prefix}:{${id}}`].toSorted(),
  )
  await store.set(id, { user_id: 2 })
  await store.delete(id)
  expect(await eyes.keys(`${prefix}*`)).toEqual([])
})

test('what a call costs', async () => {
  // What is sent together is sent by `call` then too.
  const client = connected({ enableAutoPipelining: true })
  const sent = vi.spyOn(client, 'call')
  const costOf = async (call: () => Promise<unknown>): Promise<string> => {
    sent.mockClear()
    await call()
    return sent.mock.calls.map(([command]) => command).join(' ')
  }
  const prefix = freshPrefix()
  const plain = new Store({ client, prefix })
  const store = new Store({ client, prefix, references: { user_id: {} } })
  const id = store.createSessionId()
  // The scripts are known to the server from here on.
  await store.set(id, { user_id: 1 })
  for (const call of [
    () => plain.set(id, { a: 1 }),
    () => plain.unset(id, ['a']),
    () => plain.touch(id),
  ])
    expect(await costOf(call)).toBe('evalsha')
  expect(await costOf(() => store.get(id))).toBe('hgetall')
  expect(await costOf(() => store.get(id, ['a']))).toBe('hmget')
  for (const call of [() => store.set(id, { a: 1 }), () => store.touch(id)])
    expect(await costOf(call)).toBe('hmget evalsha evalsha')
  expect(await costOf(() => store.set(id, { user_id: 2 }))).toBe(
    // Reads, notes, writes, confirms; forgets and looks; looks at the members of the set it joined.
    'hmget evalsha evalsha evalsha srem hget pttl srandmember hget pttl',
  )
  expect(await costOf(() => store.delete(id))).toBe('hmget del srem hget pttl')
  expect(await costOf(() => plain.delete(id))).toBe('del')
})

test('the ACL of the guide is enough', async () => {
  const guide = new URL('../../../docs/moving-over/koa-redis-session-sets.md', import.meta.url)
  const [, rules = ''] =
    /ACL SETUSER app on >password ~shop:\* (.*)/.exec(readFileSync(guide, 'utf8')) ?? []
  const admin = connected()
  const prefix = freshPrefix()
  const username = prefix.replaceAll(':', '-')
  const permitted = ['on', '>password', `~${prefix}:*`, ...rules.split(' ')]
  await admin.call('ACL', ['SETUSER', username, ...permitted])
  onTestFinished(async () => void (await admin.call('ACL', ['DELUSER', username])))
  const client = admin.duplicate({ username, password: 'password', enableReadyCheck: false })
  onTestFinished(() => client.disconnect())
  const sent = vi.spyOn(client, 'call')
  const store = new Store({ client, prefix, references })
  for (const id of ['a', 'b']) {
    await store.set(id, { user_id: 1 })
    await store.update(id, { user_id: 2 })
    await store.setOnce(id, 'c', 'd')
    await store.unset(id, ['c'])
    await store.touch(id)
    await store.get(id)
  }
  await store.delete('a')
  const refused = await Promise.all(
    sent.mock.results.map(({ value }) =>
      (value as Promise<unknown>).then(
        () => false,
        (error: Error) => error.message.includes('NOPERM'),
      ),
    ),
  )
  expect(refused.length).toBeGreaterThan(20)
  expect(refused).not.toContain(true)
  expect(await admin.smembers(store.getReferenceKey('user_id', 2))).toEqual(['b'])
})
