/** handstamp on Koa, with the client as its documentation recommends. */
import { once } from 'node:events'
import { createSessions } from 'handstamp'
import { session } from 'handstamp/koa'
import { redisStore } from 'handstamp/redis'
import { connectIoredis } from '../connect.js'

export const framework = 'koa'

const recommended = {
  maxRetriesPerRequest: 0,
  commandTimeout: 500,
  socketTimeout: 2000,
  autoResendUnfulfilledCommands: false,
  failoverDetector: true,
  retryStrategy: (/** @type {number} */ times) => Math.min(50 * times, 500),
}

/** @type {import('../app.js').Mount} */
export async function mount(app, { address, options }) {
  const client = connectIoredis(address, { redis: recommended })
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
