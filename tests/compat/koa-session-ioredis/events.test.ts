/** What a store tells of its connection, and what happens while there is none. */
import { EventEmitter } from 'node:events'
import redisStore from 'handstamp/compat/koa-session-ioredis'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../../../tools/redis/until.mjs'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { genericHost, koaSessionHost } from './support/hosts.ts'
import { eyes, ours, parent, seed } from './support/stores.ts'
import type { Make } from './support/stores.ts'

const EVENTS = ['connect', 'ready', 'error', 'close', 'reconnecting', 'end', 'idle', 'disconnect']

/** The events of a connection that is made, breaks, comes back, and is closed. */
async function lifeOf(make: Make): Promise<string[]> {
  const { store, get } = make({ retryStrategy: () => 1 })
  const seen: string[] = []
  for (const event of EVENTS) store.on(event, () => seen.push(event))
  await until('it is ready', () => seen.includes('ready'))
  await eyes().client('KILL', 'ID', await store.client.client('ID'))
  await until('it is ready again', () => seen.filter((event) => event === 'ready').length === 2)
  expect(await get('nothing')).toBeNull()
  await store.client.quit()
  await until('it has ended', () => seen.includes('disconnect'))
  return seen
}

describe('the events', () => {
  const life = ['connect', 'ready', 'close', 'reconnecting', 'connect', 'ready', 'close', 'end']

  test('come as those of koa-redis do, disconnect after end', async () => {
    expect(await lifeOf(ours)).toEqual([...life, 'disconnect'])
    expect(await lifeOf(parent)).toEqual([...life, 'disconnect'])
  })

  test('of koa-session-ioredis come as well, and close besides', async () => {
    const without = [...life, 'disconnect'].filter((event) => event !== 'close')
    expect(await lifeOf(seed)).toEqual(without)
  })

  test.each(EVENTS.filter((event) => event !== 'disconnect'))(
    '%s is passed on with what the client says',
    (event) => {
      const store = ours.create({ lazyConnect: true })
      const said: unknown[] = []
      store.on(event, (...values) => said.push(values))
      const value = new Error('anything')
      store.client.emit(event, value)
      expect(said).toEqual([[value]])
    },
  )

  test('error does not end the process when nobody listens, not even after removeAllListeners', () => {
    const emitFrom = (make: Make) => () => {
      const store = make.create({ lazyConnect: true })
      store.removeAllListeners()
      store.client.emit('error', new Error('lost'))
    }
    expect(emitFrom(ours)).not.toThrow()
    expect(emitFrom(parent)).toThrow('lost')
  })
})

describe('the store', () => {
  test.each([
    ['new', () => new redisStore({ lazyConnect: true })],
    ['a call', () => redisStore({ lazyConnect: true })],
  ])('made by %s is an event emitter of its class', (_, create) => {
    const store = create()
    onTestFinished(() => void store.quit())
    expect(store).toBeInstanceOf(redisStore)
    expect(store).toBeInstanceOf(EventEmitter)
  })

  test('can be extended', () => {
    class Loud extends redisStore {
      shout = (): string => this.status.toUpperCase()
    }
    expect(new Loud({ lazyConnect: true }).shout()).toBe('WAIT')
  })

  test('says status and connected as they are now', async () => {
    const { store } = ours({ lazyConnect: true })
    const said = (): unknown[] => [store.status, Reflect.get(store, 'connected')]
    expect(said()).toEqual(['wait', false])
    const connecting = store.client.connect()
    expect(said()).toEqual(['connecting', false])
    store.client.once('connect', () => expect(said()).toEqual(['connect', true]))
    await connecting
    expect(said()).toEqual(['ready', true])
    store.client.disconnect()
    await until('it has ended', () => store.status === 'end')
    expect(said()).toEqual(['end', false])
  })

  test.each(['quit', 'end'] as const)('%s closes the client, also a given one', async (verb) => {
    const client = new Redis(redisServers().single.url)
    const store = redisStore({ client })
    await store.get('nothing')
    expect(await store[verb]()).toBeUndefined()
    await until('it has ended', () => client.status === 'end')
    await expect(store.get('nothing')).rejects.toMatchObject({ code: 'ERR_STORE' })
  })
})

describe('without Redis', () => {
  const nobody = { port: 1, maxRetriesPerRequest: 1, retryStrategy: () => 1 }

  test('each method rejects with ERR_STORE and the reason, and goes on to', async () => {
    const store = ours(nobody)
    for (let again = 0; again < 2; again++)
      for (const asked of [store.get('k'), store.set('k', { n: 1 }, 1000), store.destroy('k')])
        await expect(asked).rejects.toMatchObject({
          code: 'ERR_STORE',
          status: 503,
          cause: { name: 'MaxRetriesPerRequestError' },
        })
  })

  test('with a database to select too, and the failure is told', async () => {
    const store = ours({ ...nobody, db: 1 })
    const codes: unknown[] = []
    store.store.on('error', ({ code }: { code: string }) => codes.push(code))
    await expect(store.get('k')).rejects.toMatchObject({ code: 'ERR_STORE' })
    expect(codes).toContain('ERR_STORE')
  })

  test('koa-generic-session gets the error, with its name for it', async () => {
    const host = genericHost(ours(nobody).store, freshPrefix())
    await expect(host.visit('sid')).rejects.toMatchObject({
      name: 'koa-generic-session get error',
      code: 'ERR_STORE',
    })
  })

  test('koa-session gets the error', async () => {
    const host = koaSessionHost(ours(nobody).store, freshPrefix())
    await expect(host.visit('sid')).rejects.toMatchObject({ code: 'ERR_STORE' })
  })
})
