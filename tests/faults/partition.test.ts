/**
 * Redis and an app on two hosts, in network namespaces, and the cable between them is drawn: nothing is
 * closed and nothing reset, on no connection. Needs the rights for namespaces, and ip of iproute2.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import { inBatches } from '../support/engines.ts'
import { buildPackage } from '../support/built-package.ts'
import { freshPrefix } from '../support/redis.ts'
import { Visitor } from '../support/visitor.ts'

const REVOCATIONS = 1000
const BOUND = 1000

const isPossible = ((): boolean => {
  try {
    const cable = 'ip link add here type veth peer name there'
    execFileSync('unshare', ['--map-root-user', '--net', 'sh', '-c', cable], { stdio: 'pipe' })
    return true
  } catch (error) {
    console.warn(`no network namespaces here, so no partition: ${(error as Error).message}`)
    return false
  }
})()

/** Redis and an app with a near cache; both are reached by files, whatever becomes of the cable. */
async function site(prefix: string) {
  const folder = mkdtempSync(join(tmpdir(), 'handstamp-partition-'))
  const built = buildPackage()
  const script = fileURLToPath(new URL('partition/site.sh', import.meta.url))
  const app = fileURLToPath(new URL('../support/near-cache/server.mjs', import.meta.url))
  const socketPath = join(folder, 'app.sock')
  const programs = [process.env['REDIS_SERVER'] ?? 'redis-server', process.execPath, app]
  const all = ['--map-root-user', '--net', 'sh', script, folder, ...programs]
  const child = spawn('unshare', all, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...process.env,
      DIST: join(built.folder, 'dist'),
      REDIS_URL: 'redis://10.77.0.1:6379',
      PREFIX: prefix,
      PORT: socketPath,
      MAX_STALENESS: String(BOUND),
      STORE_TIMEOUT: '250ms',
    },
  })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.stdin.end()
    await ended
    built.remove()
    rmSync(folder, { recursive: true })
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const said = async (): Promise<unknown> => (await lines.next()).value
  expect(await said()).toBe('ready')
  const client = new Redis({ path: join(folder, 'redis.sock') })
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  const ask = async (path: string, cookie = ''): Promise<{ status: number; body: string }> => {
    const asked = request({ socketPath, path, headers: { cookie } }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const body = (await response.setEncoding('utf8').toArray()).join('')
    return { status: response.statusCode ?? 0, body }
  }
  return {
    sessions: createSessions({ store: redisStore({ client, prefix }), storeTimeout: '60s' }),
    ask,
    cable: async (state: 'up' | 'down') => {
      child.stdin.write(`${state}\n`)
      expect(await said()).toBe(state)
    },
  }
}

test.skipIf(!isPossible)(
  `behind a drawn cable none of ${REVOCATIONS} revoked sessions is accepted past the bound of the near cache`,
  async () => {
    const { sessions, ask, cable } = await site(freshPrefix())
    const isHealthy = async (): Promise<boolean> =>
      ask('/stats').then(
        ({ body }) => (JSON.parse(body) as { healthy: boolean }).healthy,
        () => false,
      )
    await expect.poll(isHealthy, { timeout: 20_000 }).toBe(true)
    const visitors = Array.from({ length: REVOCATIONS }, () => new Visitor(sessions))
    await inBatches(REVOCATIONS, 50, async (at) => {
      await visitors[at]!.visit((session) => session.signIn(`user ${at}`))
      for (let times = 0; times < 2; times++)
        expect((await ask('/', visitors[at]!.cookie)).status).toBe(200)
    })
    const hits = async (): Promise<number> =>
      (JSON.parse((await ask('/stats')).body) as { hits: number }).hits
    expect(await hits()).toBeGreaterThanOrEqual(REVOCATIONS)

    await cable('down')
    const acknowledged = new Map<number, number>()
    const accepted: { at: number; began: number }[] = []
    const statuses = new Set<number>()
    const revoking = inBatches(REVOCATIONS, 50, async (at) => {
      await sessions.user(`user ${at}`).revokeAll()
      acknowledged.set(at, performance.now())
    })
    // All are asked for, over and over, until none is accepted any more.
    for (let left = REVOCATIONS; left > 0;) {
      left = 0
      await inBatches(REVOCATIONS, 50, async (at) => {
        const began = performance.now()
        const { status } = await ask('/', visitors[at]!.cookie)
        statuses.add(status)
        if (status !== 200) return
        left++
        accepted.push({ at, began })
      })
    }
    await revoking
    const late = accepted.filter(({ at, began }) => began > acknowledged.get(at)! + BOUND)
    expect(late).toEqual([])
    // It was the near cache that accepted, and then nobody could say: that is no logout.
    expect(accepted.length).toBeGreaterThan(0)
    expect(statuses).toEqual(new Set([200, 503]))

    await cable('up')
    await expect.poll(isHealthy, { timeout: 30_000 }).toBe(true)
    const statusOf = async (at: number): Promise<number> =>
      (await ask('/', visitors[at]!.cookie)).status
    await expect.poll(() => statusOf(0), { timeout: 30_000 }).toBe(401)
    await inBatches(REVOCATIONS, 50, async (at) => expect(await statusOf(at)).toBe(401))
  },
)
