/** The examples of the original's README run with the import changed, and generators written as async functions. */
import session from 'handstamp/compat/koa-generic-session'
import type { SessionContext } from 'handstamp/compat/koa-generic-session'
import { Redis } from 'ioredis'
import koaRedis from 'koa-redis'
import Koa from 'koa'
import { expect, onTestFinished, test, vi } from 'vitest'
import { freshPrefix, redisServers } from '../../support/redis.ts'
import { NotingStore, site } from './kit.ts'

type Context = Koa.Context & SessionContext<{ count: number }>

function redis(): Redis {
  const client = new Redis(redisServers().single.url)
  onTestFinished(() => client.disconnect())
  return client
}

test('the example counts, removes and regenerates', async () => {
  const store = koaRedis({ client: redis() })
  const prefix = freshPrefix()
  const { visitor } = await site([session({ store, prefix })], async (ctx) => {
    const own = ctx as Context
    switch (own.path) {
      case '/get':
        get(own)
        break
      case '/remove':
        remove(own)
        break
      case '/regenerate':
        await regenerate(own)
        break
      default:
    }
  })

  function get(ctx: Context): void {
    const now = ctx.session
    now.count = now.count || 0
    now.count++
    ctx.body = now.count
  }

  function remove(ctx: Context): void {
    ctx.session = null
    ctx.body = 0
  }

  async function regenerate(ctx: Context): Promise<void> {
    get(ctx)
    await ctx.regenerateSession()
    get(ctx)
  }

  const walker = visitor()
  const answers: string[] = []
  for (const path of ['/get', '/get', '/remove', '/get', '/get', '/regenerate', '/get'])
    answers.push((await walker.get(path)).text)
  expect(answers).toEqual(['1', '2', '0', '1', '2', '1', '2'])
})

test('the example of ttl: sessions of the browser end in the store after a day', async () => {
  const store = new NotingStore()
  const options = session({
    store,
    ttl: (now) => {
      if (now.cookie?.maxAge === null) return 1000 * 60 * 60 * 24
      return undefined
    },
  })
  const { visitor } = await site([options], (ctx) => {
    ctx['session'].cookie.maxAge = ctx.path === '/browser' ? null : 5000
  })
  const [browser, short] = [visitor(), visitor()]
  await browser.get('/browser')
  await short.get('/')
  expect(Array.from(store.kept.values(), ({ ttl }) => ttl)).toEqual([86_400_000, 5000])
})

test('the example of a graceful shutdown, and without its first line too', async () => {
  for (const isSilenced of [true, false]) {
    const timers = vi.spyOn(globalThis, 'setTimeout')
    onTestFinished(() => void vi.restoreAllMocks())
    const redisClient = redis()
    const app = new Koa()
    app.use(session({ store: koaRedis({ client: redisClient }) }) as unknown as Koa.Middleware)
    await redisClient.ping()
    if (isSilenced) redisClient.emit = () => true
    timers.mockClear()
    await redisClient.quit()
    await vi.waitFor(() => expect(redisClient.status).toBe('end'))
    const waiting = timers.mock.results.filter((_, at) => timers.mock.calls[at]?.[1] === 10_000)
    // What waits for the store to come back does not keep the process alive.
    for (const { value } of waiting) expect((value as NodeJS.Timeout).hasRef()).toBe(false)
    expect(waiting).toHaveLength(isSilenced ? 0 : 1)
    timers.mockRestore()
  }
})
