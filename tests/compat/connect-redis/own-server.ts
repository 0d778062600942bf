/** Redis as a unix socket, and Redis behind a password: for stores that make their client themselves. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { startRedis } from '../../../tools/redis/start.mjs'
import { redisServers } from '../../support/redis.ts'

/** The path of a unix socket that leads to the server of the run. */
export async function socketPath(): Promise<string> {
  const { host, port } = redisServers().single
  const folder = mkdtempSync(join(tmpdir(), 'handstamp-socket-'))
  const path = join(folder, 'redis.sock')
  const server = createServer((near) => {
    const far = connect({ port, host })
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => undefined)
  }).listen(path)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return path
}

export interface ServerWithPassword {
  readonly port: number
  readonly password: string
  /** The numbers of the databases that have a key. */
  databasesOf(key: string): Promise<number[]>
  /** The name under which a connection introduces itself as the-store. */
  readonly named: Promise<string>
}

export async function serverWithPassword(): Promise<ServerWithPassword> {
  const { single, stop } = await startRedis({ single: true })
  const password = 'hunter2'
  const opening = new Redis(single.port)
  await opening.config('SET', 'requirepass', password)
  opening.disconnect()
  const redis = new Redis(single.port, { password })
  const monitor = await redis.monitor()
  onTestFinished(() => {
    for (const client of [redis, monitor]) client.disconnect()
    return stop()
  })
  const named = new Promise<string>((resolve) => {
    monitor.on('monitor', (_time, args: string[]) => {
      if (args.includes('the-store')) resolve('the-store')
    })
  })
  return {
    port: single.port,
    password,
    named,
    async databasesOf(key) {
      const found: number[] = []
      for (let db = 0; db < 16; db++) {
        await redis.select(db)
        if ((await redis.exists(key)) === 1) found.push(db)
      }
      return found
    },
  }
}
