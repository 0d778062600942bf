/** koa-generic-session on koa-redis, which brings its own ioredis 4. */
import session from 'koa-generic-session'
import koaRedis from 'koa-redis'

/** @type {import('../app.js').Mount} */
export async function mount(app, candidate, { port, database }) {
  const store = koaRedis({ port, db: database })
  app.use(session({ store, ...candidate.options }))
}
