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
 * @returns {Promise<Started<W> & { stop(): Promise<void> }>}
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

  const report = await withProgress('starting Redis', firstLine(keeper.stdout))
  if ('failure' in report) {
    await stop()
    throw new Error(report.failure)
  }
  keeper.unref()
  for (const pipe of [keeper.stdin, keeper.stdout])
    /** @type {import('node:net').Socket} */ (pipe).unref()
  const started = /** @type {Started<W>} */ (report.addresses)
  return { ...started, stop }
}

/**
 * @param {import('node:stream').Readable} output
 * @returns {Promise<import('./keeper.mjs').Report>}
 */
async function firstLine(output) {
  for await (const line of createInterface({ input: output })) return JSON.parse(line)
  return { failure: 'the process that keeps the Redis servers ended before they were ready' }
}
