/** The examples of the originals' READMEs, with the import changed and generators made async functions. */
import type { AddressInfo } from 'node:net'
import redisStore from 'handstamp/compat/koa-session-ioredis'
import type { RedisStore } from 'handstamp/compat/koa-session-ioredis'
import Koa from 'koa'
import session from 'koa-generic-session'
import koaSession from 'koa-session'
import Koa2 from 'koa2'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisServers } from '../../support/redis.ts'
import { Walker } from '../../support/walker.ts'

interface Context extends Koa.Context {
  session: { count?: number } | null
  regenerateSession(): Promise<void>
}

/** The middleware of the example. */
async function example(ctx: Context): Promise<void> {
  switch (ctx.path) {
    case '/get':
      get(ctx)
      break
    case '/remove':
      remove(ctx)
      break
    case '/regenerate':
      await regenerate(ctx)
      break
    default:
  }
}

function get(ctx: Context): void {
  const counted = ctx.session!
  counted.count = counted.count || 0
  counted.count++
  ctx.body = counted.count
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

/** Starts the example; what do the visits of one visitor answer, and how do their ids change? */
async function walk(app: Koa): Promise<unknown[]> {
  const server = app.use((ctx) => example(ctx as Context)).listen(0)
  onTestFinished(() => void server.close())
  const walker = new Walker(`http://localhost:${(server.address() as AddressInfo).port}`)
  const seen: unknown[] = []
  const ids = new Set<string | undefined>()
  for (const path of ['/get', '/get', '/regenerate', '/get', '/remove', '/get']) {
    seen.push((await walker.get(path)).text)
    ids.add(await walker.cookie('koa.sid'))
  }
  return [...seen, ids.size]
}

/** Of the ids: the first, the regenerated one, none after removal, and the last. */
const ANSWERS = ['1', '2', '1', '2', '0', '1', 4]

function appWith(options: object, App: typeof Koa = Koa): Koa {
  const app = new App()
  app.keys = ['keys', 'keykeys']
  const store = redisStore(options)
  onTestFinished(() => quit(store))
  app.use(session({ store }) as Koa.Middleware)
  return app
}

/** koa-generic-session 2.3.1 would end the process 10 s after it hears of a disconnect. */
function quit(store: RedisStore): Promise<void> {
  store.removeAllListeners('disconnect')
  return store.quit()
}

describe('under koa-generic-session 2.3.1', () => {
  test.each([
    ['Koa 3', Koa],
    ['Koa 2', Koa2],
  ])('the example of both READMEs runs: %s', async (_, App) => {
    const { host, port } = redisServers().single
    expect(await walk(appWith({ host, port }, App))).toEqual(ANSWERS)
  })

  test('the example with Sentinel runs', async () => {
    const { sentinels, name } = redisServers().sentinel
    expect(await walk(appWith({ sentinels: [...sentinels], name }))).toEqual(ANSWERS)
  })

  test('the example with Cluster runs', async () => {
    const nodes = redisServers().cluster.nodes.map(({ host, port }) => ({ host, port }))
    const clusterOptions = { redisOptions: {} }
    const app = appWith({ isRedisCluster: true, nodes, clusterOptions })
    expect(await walk(app)).toEqual(ANSWERS)
  })
})

test('under koa-session 7 a session is counted, and ends', async () => {
  const app = new Koa()
  app.keys = ['keys', 'keykeys']
  const { host, port } = redisServers().single
  const store = redisStore({ host, port })
  onTestFinished(() => quit(store))
  app.use(koaSession({ key: 'koa.sid', store, maxAge: 'session' }, app))
  app.use((ctx, next) => {
    // koa-session has the verb on the session.
    ctx['regenerateSession'] = async () => ctx.session!['regenerate']()
    return next()
  })
  expect(await walk(app)).toEqual(['1', '2', '4', '5', '0', '1', 4])
})
