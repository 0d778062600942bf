/** koa-session with a store of the usual few lines on ioredis; its package brings none. */
import session from 'koa-session'
import { connectIoredis } from '../connect.js'

export const framework = 'koa'

/** @type {import('../app.js').Mount} */
export async function mount(app, { address }) {
  const redis = connectIoredis(address)
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
  app.use(session({ store }, /** @type {any} */ (app)))
  return {}
}
