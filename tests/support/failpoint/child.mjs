/**
 * A server process that is killed between two of its commands. It tells a story for each prefix, all
 * at once; each stands still after the reply to another of its commands, and when all stand still or
 * are told to the end, the process kills itself. Prints `whole` for a story that was told to the end.
 */
import { Cluster, Redis } from 'ioredis'

const { dist, nodes, prefixes, first } = JSON.parse(process.argv[2] ?? '{}')
const { createSessions } = await import(`${dist}/index.js`)
const { redisStore } = await import(`${dist}/redis/index.js`)

const redis = nodes.length > 1 ? new Cluster(nodes) : new Redis(nodes[0])
/** @type {Promise<unknown>} */
const never = new Promise(() => {})

/** A client that stands still after the reply to one of its commands: nothing is sent or answered any more. */
function stopping(/** @type {number} */ stopAfter, /** @type {() => void} */ stopped) {
  let sent = 0
  let isStill = false
  return {
    /** @param {string} command @param {string[]} args */
    async call(command, args) {
      if (isStill) return never
      const mine = ++sent
      try {
        return await redis.call(command, args)
      } finally {
        if (mine === stopAfter) {
          isStill = true
          stopped()
        }
        if (isStill) await never
      }
    },
  }
}

/** @param {string} prefix @param {any} client */
async function story(prefix, client) {
  const sessions = createSessions({
    store: redisStore({ client, prefix }),
    storeTimeout: '60s',
    maxSessionsPerUser: 2,
    references: { tenantId: true },
  })

  /** @param {(session: any) => unknown} handler @param {string} [cookie] */
  async function visit(handler, cookie) {
    const header = (/** @type {string} */ name) => (name === 'cookie' ? cookie : undefined)
    const request = sessions.begin({ header, path: '/', secure: false, source: {} })
    await request.open()
    await handler(request.session)
    await request.settle()
    const line = request
      .headerLines()
      .find((/** @type {[string, string]} */ [name]) => name === 'Set-Cookie')
    return line ? line[1].split(';')[0] : cookie
  }

  let ann = await visit((session) => void (session.tenantId = 't1'))
  ann = await visit((session) => session.signIn('ann'), ann)
  ann = await visit((session) => void (session.tenantId = 't2'), ann)
  ann = await visit((session) => session.regenerate({ keepData: true }), ann)
  ann = await visit((session) => session.reauthenticate(), ann)
  ann = await visit((session) => session.signIn('bob'), ann)
  let second = await visit((session) => void (session.tenantId = 't2'))
  second = await visit((session) => session.signIn('bob'), second)
  await visit((session) => session.signIn('bob'))
  await visit((session) => session.signOut(), second)
  await visit((session) => session.signIn('cid'))
  await visit((session) => session.signIn('cid'))
  await sessions.user('cid').revokeAll()
  await sessions.by('tenantId', 't2').revokeAll()
  process.stdout.write('whole')
}

await Promise.all(
  prefixes.map(
    (/** @type {string} */ prefix, /** @type {number} */ at) =>
      new Promise((resolve, reject) => {
        const client = stopping(first + at, () => resolve(undefined))
        story(prefix, client).then(resolve, reject)
      }),
  ),
)
process.kill(process.pid, 'SIGKILL')
