/** One question to one server on loopback, over a connection of its own. */
import { Redis } from 'ioredis'

/**
 * Sends one command and returns its reply as text; throws if the server does not answer.
 * @param {number} port
 * @param {string} command
 * @param {...string} args
 * @returns {Promise<string>}
 */
export async function ask(port, command, ...args) {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 2000,
    retryStrategy: () => null,
  })
  // The rejected call already says it; without a listener ioredis prints each error as well.
  client.on('error', () => {})
  try {
    await client.connect()
    return String(await client.call(command, ...args))
  } finally {
    client.disconnect()
  }
}
