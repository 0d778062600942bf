/** A server with a near cache, as a process of its own: says who is signed in. */
import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const { DIST = '', REDIS_URL = '', PREFIX = '', PORT, MAX_STALENESS, STORE_TIMEOUT } = process.env
const { createSessions } = await import(`${DIST}/index.js`)
const { withSession } = await import(`${DIST}/adapters/node.js`)
const { redisStore } = await import(`${DIST}/redis/index.js`)

const sessions = createSessions({
  store: redisStore({ client: new Redis(REDIS_URL), prefix: PREFIX }),
  storeTimeout: STORE_TIMEOUT ?? '60s',
  nearCache: { maxStaleness: Number(MAX_STALENESS) },
})
const listener = withSession(
  sessions,
  async (
    /** @type {import('node:http').IncomingMessage} */ request,
    /** @type {import('node:http').ServerResponse} */ response,
  ) => {
    if (request.url === '/stats') return void response.end(JSON.stringify(sessions.nearCache))
    const { meta } = await sessions.getSession(request)
    response.writeHead(meta.userId ? 200 : 401).end(meta.userId)
  },
)
createServer(listener).listen(PORT)
