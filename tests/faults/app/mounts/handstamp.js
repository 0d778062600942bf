/** handstamp on Koa, with the client as its documentation recommends. */
import { once } from 'node:events'
import { createSessions } from 'handstamp'
import { session } from 'handstamp/koa'
import {
  recommendedIoredisClusterOptions,
  recommendedIoredisOptions,
  recommendedIoredisSentinelOptions,
  redisStore,
} from 'handstamp/redis'
import { connectIoredis } from '../connect.js'

export const framework = 'koa'

/** @type {import('../app.js').Mount} */
export async function mount(app, { address, options }) {
  const client = connectIoredis(address, {
    redis:
      address.kind === 'sentinel'
        ? recommendedIoredisSentinelOptions()
        : recommendedIoredisOptions(),
    cluster: recommendedIoredisClusterOptions(),
  })
  if (client.status !== 'ready') await once(client, 'ready')
  const sessions = createSessions({ store: redisStore({ client }), ...options })
  app.use(session(sessions))
  return { sessions, storeCalls: countOf(client) }
}

/** What the client says to servers of its own accord. */
const OWN = new Set(['info', 'hello', 'client', 'auth', 'select', 'ping', 'cluster', 'readonly'])

/** @param {any} client */
function countOf(client) {
  let count = 0
  const { sendCommand } = client
  client.sendCommand = (/** @type {any} */ command, /** @type {unknown[]} */ ...rest) => {
    if (!OWN.has(command.name)) count++
    return sendCommand.call(client, command, ...rest)
  }
  return () => count
}
