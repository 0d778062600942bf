/** Real Redis servers for a test run or for use by hand: started on demand, gone with their user. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ensureRedis } from './install.mjs'
import { withProgress } from './progress.mjs'

/** @typedef {import('./keeper.mjs').Addresses} Addresses */
/** @typedef {import('./keeper.mjs').Wanted} Wanted */

/**
 * The addresses of the servers that `W` asks for.
 * @template {Wanted} W
 * @typedef {{ folder: string } & { [K in keyof W & keyof Addresses as W[K] extends true ? K : never]-?: NonNullable<Addresses[K]> }} Started
 */

/**
 * Starts the wanted servers on free loopback ports. They end at `stop()`, and also with this
 * process, however it ends.
 *
 * @example
 * const redis = await startRedis({ single: true })
 * const client = new Redis(redis.single.port)
 *
 * @template {Wanted} W
 * @param {W} wanted
 * @returns {Promise<Started<W> & {
 *   restart(port: number): Promise<void>, stop(): Promise<void>
 * }>} `restart` starts a server again that was killed
 */
export async function startRedis(wanted) {
  await ensureRedis()
  const keeper = spawn(
    process.execPath,
    [fileURLToPath(new URL('keeper.mjs', import.meta.url)), JSON.stringify(wanted)],
    // Detached: a Ctrl-C in the terminal reaches us, not the keeper, which waits for our end.
    { stdio: ['pipe', 'pipe', 'inherit'], detached: true },
  )
  const ended = once(keeper, 'exit')
  const stop = async () => {
    keeper.ref()
    keeper.stdin.end()
    await ended
  }

  const reports = reportsOf(keeper.stdout)
  const next = async () => {
    const report = (await reports.next()).value ?? { failure: ENDED }
    if ('failure' in report) throw new Error(report.failure)
    return report
  }
  const output = /** @type {import('node:net').Socket} */ (/** @type {unknown} */ (keeper.stdout))
  /** @type {Promise<unknown>} */
  let restarting = Promise.resolve()
  const restart = (/** @type {number} */ port) => {
    const restarted = restarting.then(async () => {
      output.ref()
      keeper.stdin.write(`${port}\n`)
      await next().finally(() => output.unref())
    })
    restarting = restarted.catch(() => {})
    return restarted
  }

  const report = await withProgress('starting Redis', next()).catch(async (error) => {
    await stop()
    throw error
  })
  keeper.unref()
  for (const pipe of [keeper.stdin, output]) /** @type {import('node:net').Socket} */ (pipe).unref()
  const { addresses } = /** @type {{ addresses: Started<W> }} */ (report)
  return { ...addresses, restart, stop }
}

const ENDED = 'the process that keeps the Redis servers ended before they were ready'

/**
 * @param {import('node:stream').Readable} output
 * @returns {AsyncGenerator<import('./keeper.mjs').Report, undefined>}
 */
async function* reportsOf(output) {
  for await (const line of createInterface({ input: output })) yield JSON.parse(line)
  return undefined
}
