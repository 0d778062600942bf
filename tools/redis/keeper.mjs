/**
 * The process that owns the servers, so that they never outlive their user.
 *
 * Its standard input is a pipe whose other end its parent holds. However the parent ends, kill -9
 * included, the system closes that pipe; then the keeper kills the servers and removes their folder.
 * Argument: the wanted servers as JSON. Standard output: one line of JSON, see `Report`, and one more for
 * each port on standard input, whose server has ended and is started again.
 */
import { createInterface } from 'node:readline'
import { startCluster } from './cluster.mjs'
import { startSentinel } from './sentinel.mjs'
import { createServers } from './servers.mjs'
import { startSingle } from './single.mjs'

/**
 * @typedef {object} Wanted
 * @property {boolean} [single]
 * @property {boolean} [cluster]
 * @property {boolean} [sentinel]
 *
 * @typedef {object} Addresses
 * @property {string} folder
 * @property {import('./single.mjs').Single} [single]
 * @property {import('./cluster.mjs').Cluster} [cluster]
 * @property {import('./sentinel.mjs').Sentinel} [sentinel]
 *
 * @typedef {{ addresses: Addresses } | { restarted: number } | { failure: string }} Report
 */

const servers = createServers()

createInterface({ input: process.stdin }).on('line', (port) => void restart(Number(port)))
process.stdin.once('close', () => void end())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void end())
// A parent that is gone does not read any more; the end of standard input is what counts.
process.stdout.on('error', () => {})

try {
  report({ addresses: await start(JSON.parse(process.argv[2] ?? '{}')) })
} catch (error) {
  report({ failure: reasons(error).join(': ') })
}

/**
 * @param {Wanted} wanted
 * @returns {Promise<Addresses>}
 */
async function start(wanted) {
  const [single, cluster, sentinel] = await Promise.all([
    wanted.single ? startSingle(servers) : undefined,
    wanted.cluster ? startCluster(servers) : undefined,
    wanted.sentinel ? startSentinel(servers) : undefined,
  ])
  return {
    folder: servers.folder,
    ...(single && { single }),
    ...(cluster && { cluster }),
    ...(sentinel && { sentinel }),
  }
}

/** @param {number} port */
async function restart(port) {
  try {
    await servers.restart(port)
    report({ restarted: port })
  } catch (error) {
    report({ failure: reasons(error).join(': ') })
  }
}

/** @param {Report} line */
function report(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** The messages of an error and its causes. @param {unknown} error @returns {string[]} */
function reasons(error) {
  return error instanceof Error ? [error.message, ...reasons(error.cause)] : []
}

async function end() {
  await servers.end()
  process.exit()
}
