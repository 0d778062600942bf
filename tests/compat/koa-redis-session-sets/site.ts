/** A site with the middleware, as the tests of this folder visit it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import Koa from 'koa'
import Koa2 from 'koa2'
import { onTestFinished } from 'vitest'
import sessionSets from '../../../src/compat/koa-redis-session-sets.ts'
import type {
  Session,
  SessionMiddleware,
  SessionOptions,
} from '../../../src/compat/koa-redis-session-sets.ts'
import { freshPrefix, redisServers } from '../../support/redis.ts'

export interface Turn {
  session: Session
  ctx: Koa.Context
}

export type Handler = (turn: Turn) => Promise<unknown>

export interface Site {
  readonly origin: string
  readonly client: Redis
  readonly prefix: string
  readonly Session: SessionMiddleware
  /** What the last request of a path does: the handler's result is the body, as JSON. */
  readonly pages: Map<string, Handler>
  /** All keys of the site. */
  keys(): Promise<string[]>
}

export const koas = { koa3: Koa, koa2: Koa2 } as const

export function connected(options: { enableAutoPipelining?: boolean } = {}): Redis {
  const client = new Redis(redisServers().single.port, options)
  onTestFinished(() => client.disconnect())
  return client
}

export async function site(
  pages: Record<string, Handler>,
  { koa = 'koa3', ...given }: Partial<SessionOptions> & { koa?: keyof typeof koas } = {},
): Promise<Site> {
  const client = connected()
  const prefix = freshPrefix()
  const app = new koas[koa]()
  app.keys = ['a key of the tests']
  app.silent = true
  const Session = sessionSets(app, { client, prefix, references: { user_id: {} }, ...given })
  app.use(Session)
  const table = new Map(Object.entries(pages))
  app.use(async (ctx) => {
    const { session } = ctx as unknown as Turn
    ctx.body = JSON.stringify((await table.get(ctx.path)?.({ session, ctx })) ?? null)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client,
    prefix,
    Session,
    pages: table,
    keys: () => client.keys(`${prefix}*`),
  }
}
