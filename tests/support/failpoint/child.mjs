/**
 * A server process that is killed between two of its commands: the parent names the command after
 * whose reply it ends. Prints how many commands the whole story has when it is let live.
 */
import { Cluster, Redis } from 'ioredis'

const { dist, nodes, prefix, killAfter } = JSON.parse(process.argv[2] ?? '{}')
const { createSessions } = await import(`${dist}/index.js`)
const { redisStore } = await import(`${dist}/redis/index.js`)

const redis = nodes.length > 1 ? new Cluster(nodes) : new Redis(nodes[0])
let sent = 0
const client = {
  /** @param {string} command @param {string[]} args */
  async call(command, args) {
    const mine = ++sent
    try {
      return await redis.call(command, args)
    } finally {
      if (mine === killAfter) process.kill(process.pid, 'SIGKILL')
    }
  },
}
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
console.log(sent)
redis.disconnect()
