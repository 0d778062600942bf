/**
 * `npm run matrix`: the contract and race tests on each supported Node.js and each server, and a table.
 *
 * Every client runs in each leg (tests/support/clients.ts). `--quick` runs the contract only, `--only
 * <text>` the legs whose name holds it, such as `--only 'node 24'`. What is missing is fetched into
 * .cache/matrix: Node.js from npm, servers from Debian's mirror, unpacked and not installed. A leg that
 * cannot be had is skipped, and the table says why.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeProgram } from './node.mjs'
import { serverProgram } from './server.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})

const folders = values.quick ? ['tests/contract'] : ['tests/contract', 'tests/race']

const legs = [
  ...['20', '22', '24', '26'].map((node) => ({ node, server: 'installed' })),
  ...['redis trixie', 'redis sid', 'valkey trixie', 'valkey sid'].map((server) => ({
    node: '20',
    server,
  })),
].map((leg) => ({ ...leg, name: `node ${leg.node}, ${leg.server}` }))

const rows = legs
  .filter(({ name }) => name.includes(values.only))
  .map(({ name, node, server }) => {
    console.error(`${name} …`)
    const began = performance.now()
    try {
      const program = nodeProgram(node)
      const redis = server === 'installed' ? undefined : serverProgram(server)
      const outcome = run(program, redis)
      return { leg: name, ...versions(program, redis), ...outcome, seconds: since(began) }
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
      return { leg: name, outcome: `skipped: ${reason}` }
    }
  })
console.table(rows)
if (rows.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1

/** @param {string} node @param {string | undefined} server */
function run(node, server) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { status, stdout } = spawnSync(node, [vitest, 'run', ...folders], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
    maxBuffer: 256 << 20,
    env: { ...process.env, NO_COLOR: '1', ...(server && { REDIS_SERVER: server }) },
  })
  const [, tests = ''] = /^\s+Tests\s+(.+)$/m.exec(stdout) ?? []
  if (status !== 0) console.error(stdout.slice(-4000))
  return { outcome: status === 0 ? 'passed' : 'failed', tests }
}

/** @param {string} node @param {string | undefined} server */
function versions(node, server = 'redis-server') {
  const text = execFileSync(server, ['--version'], { encoding: 'utf8' })
  return {
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    server: /v=([\d.]+)/.exec(text)?.[1] ?? '?',
  }
}

/** @param {number} began */
function since(began) {
  return Math.round((performance.now() - began) / 1000)
}
