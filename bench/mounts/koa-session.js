/** koa-session with a store of the usual few lines on ioredis; its package brings none. */
import session from 'koa-session'
import { connectIoredis } from './connect.js'

/** @type {import('../app.js').Mount} */
export async function mount(app, candidate, address) {
  const redis = connectIoredis(candidate, address)
  const store = {
    /** @param {string} key */
    async get(key) {
      const text = await redis.get(key)
      return text === null ? undefined : JSON.parse(text)
    },
    /** @param {string} key @param {object} value @param {number} maxAge */
    async set(key, value, maxAge) {
      await redis.set(key, JSON.stringify(value), 'PX', maxAge)
    },
    /** @param {string} key */
    async destroy(key) {
      await redis.del(key)
    },
  }
  app.use(session({ store, ...candidate.options }, app))
}
