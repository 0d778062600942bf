/** Redis away at the start, or later: callers get an error in time, and the process goes on. */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HandstampError } from '../../../src/core/errors.ts'
import { openClient } from '../../../src/compat/redis-sessions/connection.ts'
import { loadPeer } from '../../../src/compat/peer.ts'
import { freePort } from '../../../tools/redis/port.mjs'
import { until } from '../../../tools/redis/until.mjs'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { startOurs } from './engines.ts'

const app = 'forum'
const token = 'a'.repeat(64)

/** A way to Redis that can be cut, and blocked. */
async function gate(): Promise<{
  port: number
  cut(): Promise<void>
  open(): Promise<void>
  freeze(): void
}> {
  const sockets = new Set<Socket>()
  let isFrozen = false
  const listen = (server: ReturnType<typeof createServer>, port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  const make = (): ReturnType<typeof createServer> =>
    createServer((socket) => {
      const there = connect(redisServers().single.port, '127.0.0.1')
      for (const [from, to] of [
        [socket, there],
        [there, socket],
      ] as const) {
        sockets.add(from)
        from.on('data', (chunk) => isFrozen || to.write(chunk))
        from.on('error', () => undefined)
        from.on('close', () => to.destroy())
      }
    })
  let server = make()
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    await closed
  }
  onTestFinished(cut)
  return {
    port,
    cut,
    async open() {
      isFrozen = false
      server = make()
      await listen(server, port)
    },
    freeze: () => (isFrozen = true),
  }
}

const loaders = ['ioredis', 'redis', 'iovalkey'].map((name) => ({
  name,
  load: (wanted: string, purpose: string) => {
    if (wanted !== name)
      throw new HandstampError('ERR_OPTION', `${wanted} ${purpose}: not installed`)
    return loadPeer(wanted, purpose)
  },
}))

describe.each(loaders)('with a client of its own, of $name', ({ load }) => {
  test('Redis goes away and comes back: errors meanwhile, then all is well', async () => {
    const { port, cut, open } = await gate()
    const client = openClient({ port, options: { retryStrategy: () => 50 } }, load)
    const rs = startOurs(`${freshPrefix()}o`, { client })
    const told: string[] = []
    rs.on('connect', () => told.push('connect')).on('disconnect', () => told.push('disconnect'))
    expect(await rs.ping()).toBe('PONG')
    await until('it is connected', () => rs.connected)
    await cut()
    await until('it is not', () => !rs.connected)
    const failures = [
      () => rs.get({ app, token }),
      () => rs.create({ app, id: 'ada', ip: '1.2.3.4' }),
      () => rs.set({ app, token, d: { secret: 'of-ada' } }),
      () => rs.kill({ app, token }),
      () => rs.soid({ app, id: 'ada' }),
    ].map(async (call) =>
      call().then(
        () => 'no error',
        (error: unknown) => error,
      ),
    )
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ status: 503 })
      expect(JSON.stringify([error, String(error), String((error as Error).cause)])).not.toMatch(
        /of-ada|aaaa/,
      )
    }
    await open()
    await until('it is connected again', async () => (await rs.ping()) === 'PONG')
    expect(await rs.get({ app, token })).toBeNull()
    expect(told.slice(0, 3)).toEqual(['connect', 'disconnect', 'connect'])
  })
})

test('Redis away at the start is a disconnect event and errors, not the end of the process', async () => {
  const port = await freePort()
  const rs = startOurs(`${freshPrefix()}o`, { port, cachetime: 10, wipe: 10 })
  const told = new Promise((resolve) => rs.once('disconnect', () => resolve('disconnect')))
  expect(rs.connected).toBe(false)
  await expect(rs.get({ app, token })).rejects.toMatchObject({ status: 503 })
  expect(await told).toBe('disconnect')
  expect(
    await new Promise((resolve) => void rs.ping(resolve).catch(() => undefined)),
  ).toMatchObject({
    status: 503,
  })
})

test('a call that nobody waits for is not the end of the process', async () => {
  const rs = startOurs(`${freshPrefix()}o`, { port: await freePort() })
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  void rs.kill({ app, token })
  void rs.get({ app, token })
  void rs.ping()
  await expect(rs.set({ app, token, d: { a: 1 } })).rejects.toMatchObject({ status: 503 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(unhandled).toEqual([])
})

test('an error of the client reaches those who listen to error', async () => {
  const rs = startOurs(`${freshPrefix()}o`, { port: await freePort() })
  const error = await new Promise((resolve) => rs.once('error', resolve))
  expect(error).toMatchObject({ code: 'ECONNREFUSED' })
})

test('a Redis that does not answer is an error after five seconds, whatever the client does', async () => {
  const { port, freeze } = await gate()
  const rs = startOurs(`${freshPrefix()}o`, { port })
  await rs.ping()
  freeze()
  const begin = performance.now()
  await expect(rs.get({ app, token })).rejects.toMatchObject({
    code: 'ERR_STORE_TIMEOUT',
    status: 503,
  })
  expect(performance.now() - begin).toBeLessThan(8000)
  // Nor does the end wait for it.
  await rs.quit()
}, 20_000)

test('quit closes all connections, the subscription of the cache too', async () => {
  const { single } = redisServers()
  const rs = startOurs(`${freshPrefix()}o`, {
    port: single.port,
    cachetime: 10,
    options: { connectionName: 'rs-quit' },
  })
  const names = startOurs(`${freshPrefix()}o`)
  const list = async (): Promise<number> => {
    const client = names.redis as unknown as { call(...args: unknown[]): Promise<string> }
    return (await client.call('CLIENT', ['LIST'])).split('name=rs-quit').length - 1
  }
  await until('both connections are there', async () => (await list()) === 2)
  await rs.quit()
  await until('both are gone', async () => (await list()) === 0)
  await expect(rs.ping()).rejects.toMatchObject({ status: 503 })
})
