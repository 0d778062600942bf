/** koa-generic-session on koa-redis, which brings its own ioredis 4. */
import session from 'koa-generic-session'
import koaRedis from 'koa-redis'

export const framework = 'koa'

/** @type {import('../app.js').Mount} */
export async function mount(app, { address }) {
  if (address.kind !== 'single') throw new Error('koa-redis is measured on one server')
  const store = koaRedis({ port: address.port })
  store.on('error', () => {})
  app.use(session({ store }))
  return {}
}
