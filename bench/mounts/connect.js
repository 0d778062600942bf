/** The connection that an app hands to its session library, with the client's default options. */
import { Redis } from 'ioredis'
import { createClient } from 'redis'

/**
 * @param {import('../candidates.js').Candidate} candidate
 * @param {import('../app.js').Address} address
 */
export async function connect(candidate, address) {
  return candidate.client === 'node-redis'
    ? connectNodeRedis(candidate, address)
    : connectIoredis(candidate, address)
}

/**
 * @param {import('../candidates.js').Candidate} candidate
 * @param {import('../app.js').Address} address
 */
export function connectIoredis({ clientOptions }, { port, database }) {
  return new Redis({ port, db: database, ...clientOptions })
}

/**
 * @param {import('../candidates.js').Candidate} candidate
 * @param {import('../app.js').Address} address
 */
export async function connectNodeRedis({ clientOptions }, { port, database }) {
  const client = createClient({ socket: { port }, database, ...clientOptions })
  client.on('error', (error) => {
    throw error
  })
  await client.connect()
  return client
}
