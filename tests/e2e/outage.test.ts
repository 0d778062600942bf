/** Redis is stopped, and killed, under applications in every framework. */
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSessions } from '../../src/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { recommendedIoredisOptions, redisStore } from '../../src/redis/index.ts'
import { startRedis } from '../../tools/redis/start.mjs'
import { buildPackage } from '../support/built-package.ts'
import { monitor } from '../support/monitor.ts'
import { startServer } from '../support/server-process.ts'
import { Walker } from '../support/walker.ts'
import { browser } from './support/browser.ts'
import { frameworks } from './support/frameworks.ts'
import type { Data, Turn } from './support/frameworks.ts'

/** A server of its own that can be stopped and continued. */
async function ownRedis() {
  const server = await startRedis({ single: true })
  onTestFinished(() => server.stop())
  const { port } = server.single
  const control = new Redis({ port })
  control.on('error', () => undefined)
  onTestFinished(() => control.disconnect())
  const pid = Number(/process_id:(\d+)/.exec(await control.info('server'))?.[1])
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => (): void => {
    if (!isGone) process.kill(pid, name)
  }
  let isGone = false
  const kill = async (): Promise<void> => {
    isGone = true
    await server.stop()
  }
  const go = signal('SIGCONT')
  onTestFinished(go)
  return { port, control, stop: signal('SIGSTOP'), go, kill }
}

function sessionsOn(port: number, options: SessionsOptions<Data> = {}): Sessions<Data> {
  const client = new Redis({ port, ...recommendedIoredisOptions() })
  client.on('error', () => undefined)
  onTestFinished(() => client.disconnect())
  return createSessions<Data>({ store: redisStore({ client }), ...options })
}

/** `/front` does not care about sessions; everything else counts. */
async function countVisits(turn: Turn): Promise<void> {
  if (turn.url.endsWith('/front')) return turn.send(200, 'the front page')
  const session = await turn.session()
  if (turn.url.endsWith('/secret')) session.requireFresh('5m')
  if (turn.url.endsWith('/look')) return turn.send(200, `seen ${session.views ?? 0}`)
  session.views = (session.views ?? 0) + 1
  turn.send(200, `visit ${session.views}`)
}

describe('Redis that stops answering', () => {
  test('is 503 with Retry-After in every framework, cookies stay, and all is well soon after', async () => {
    const { port, control, stop, go } = await ownRedis()
    const sites = await Promise.all(
      frameworks.map(async (framework) => {
        const sessions = sessionsOn(port)
        const server = await framework.serve({ mounts: [{ sessions }], handle: countVisits })
        const visitor = await browser(server)
        await expect.poll(async () => (await visitor.get()).status).toBe(200)
        return { framework, server, sessions, visitor, stranger: await browser(server) }
      }),
    )
    const watched = await monitor(port)
    stop()
    for (const { framework, sessions, visitor, stranger } of sites) {
      const cookie = visitor.cookieFor()
      const burst = await Promise.all(Array.from({ length: 8 }, () => visitor.get()))
      for (const answer of burst) {
        const { status, headers, cookies, text } = answer
        expect([framework.name, status, headers['retry-after'], cookies]).toEqual([
          framework.name,
          503,
          ['1'],
          [],
        ])
        expect(text).not.toContain('visit')
      }
      // The breaker is open now: nobody waits for what is not asked.
      const codes: string[] = []
      sessions.events.on('storeFailed', ({ error }) => codes.push(error.code))
      expect((await visitor.get()).status).toBe(503)
      expect(codes).toEqual(['ERR_STORE_UNAVAILABLE'])
      expect(visitor.cookieFor()).toBe(cookie)
      expect((await stranger.get('/front')).text).toBe('the front page')
      expect((await stranger.get('/look')).text).toBe('seen 0')
    }
    const { sessions } = sites[0]!
    expect(await sessions.health()).toMatchObject({ ok: false, store: 'down', latencyMs: null })
    go()
    for (const { visitor } of sites)
      await expect.poll(async () => (await visitor.get('/look')).status).toBe(200)
    expect(await sessions.health()).toMatchObject({ ok: true, store: 'up', breaker: 'closed' })
    // Of each visitor a look or two and what was sent before the breaker opened; of the strangers nothing.
    await watched.commands()
    await control.ping()
    for (const { stranger } of sites) await stranger.get('/look')
    expect(await watched.commands()).toEqual(['PING'])
    // However their requests ended, nobody is waited for any more.
    for (const { framework, visitor } of sites)
      expect([framework.name, (await visitor.get('/secret')).status]).toEqual([framework.name, 401])
    const began = performance.now()
    await Promise.all(sites.map((site) => site.sessions.close()))
    expect(performance.now() - began).toBeLessThan(4000)
  })

  test('leaves no more requests waiting than come in a quarter of a second, at 100 a second', async () => {
    const { port, stop, go } = await ownRedis()
    const sessions = sessionsOn(port)
    const visitor = await browser(
      await frameworks[0]!.serve({ mounts: [{ sessions }], handle: countVisits }),
    )
    await expect.poll(async () => (await visitor.get()).status).toBe(200)
    stop()
    const seconds = process.env['LONG'] ? 20 : 2
    const answers: Promise<number>[] = []
    let most = 0
    let open = 0
    for (let sent = 0; sent < seconds * 100; sent++) {
      most = Math.max(most, ++open)
      answers.push(
        visitor.get('/look').then(({ status }) => {
          open--
          return status
        }),
      )
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set([503]))
    expect(most).toBeLessThanOrEqual(50)
    go()
    await expect.poll(async () => (await visitor.get('/look')).status).toBe(200)
  })
})

describe('Redis that is gone', () => {
  test('is the error, an empty session that cannot be written, or whatever the app decides per request', async () => {
    const { port, kill } = await ownRedis()
    const sessions = sessionsOn(port, {
      onStoreFailure: (request) => {
        const { url = '' } = request as { url?: string }
        return url.includes('shop') ? 'anonymous' : url.includes('stale') ? 'stale' : 'error'
      },
    })
    const koa = frameworks[0]!
    const seen: unknown[] = []
    const running = await koa.serve({
      mounts: [{ sessions }],
      handle: async (turn) => {
        const session = await turn.session()
        seen.push([session.views, session.meta.isStale, session.meta.isNew])
        if (turn.url === '/shop/fresh') session.requireFresh('5m')
        if (turn.url === '/shop/out') await turn.logout()
        if (!turn.url.startsWith('/shop')) session.views = 1
        if (turn.url === '/shop/write') session.views = 2
        turn.send(200, 'handled')
      },
    })
    const visitor = await browser(running)
    await expect.poll(async () => (await visitor.get('/')).status).toBe(200)
    const cookie = visitor.cookieFor()
    expect(cookie).toContain('sid=')
    seen.length = 0
    await kill()
    const statuses: Record<string, number> = {}
    for (const path of ['/', '/stale', '/shop', '/shop/write', '/shop/fresh', '/shop/out']) {
      const answer = await visitor.get(path)
      statuses[path] = answer.status
      expect(answer.cookies).toEqual([])
    }
    expect(statuses).toEqual({
      '/': 503,
      '/stale': 503,
      '/shop': 200,
      '/shop/write': 503,
      '/shop/fresh': 503,
      '/shop/out': 503,
    })
    expect(seen).toEqual(Array.from({ length: 4 }, () => [undefined, true, true]))
    expect(visitor.cookieFor()).toBe(cookie)
  })
})

describe('a process with strict rejections', () => {
  const built = buildPackage()
  afterAll(() => built.remove())

  test('outlives its Redis', async () => {
    const { port, kill } = await ownRedis()
    const env = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      NODE_OPTIONS: '--unhandled-rejections=strict',
    }
    const program = await startServer(join(built.folder, 'examples', 'node.js'), env)
    onTestFinished(() => program.end())
    const visitor = new Walker(program.origin)
    expect((await visitor.get('/')).text).toBe('visit 1\n')
    await kill()
    for (let requests = 0; requests < 10; requests++)
      expect((await visitor.get('/')).status).toBe(503)
    // Longer than any deadline and pause: what nobody has handled by then nobody handles.
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect((await visitor.get('/')).status).toBe(503)
    expect(program.output()).not.toMatch(/rejection|Error/)
  })
})
