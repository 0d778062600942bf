/** What Redis has done so far, by its own counters. */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** Commands to watch for their source. */
const ENOUGH = 2000

/**
 * @typedef {object} Counters
 * @property {number} commands by anyone, those inside scripts too
 * @property {number} scripts calls of scripts
 * @property {number} bytes received and sent
 * @property {number} cpu µs
 */

/** Ours, not the candidate's. */
const ours = /^(?:info|monitor|quit|client.*|hello|select|auth)$/
const evaluation = /^(?:eval|evalsha|fcall)(?:_ro)?$/

/** @param {import('ioredis').Redis} redis */
export async function readCounters(redis) {
  const report = await redis.info('all')
  return { ...parse(report), answer: report.length }
}

/**
 * @param {Awaited<ReturnType<typeof readCounters>>} before
 * @param {Awaited<ReturnType<typeof readCounters>>} after
 * @returns {Counters}
 */
export function difference(before, after) {
  return {
    commands: after.commands - before.commands,
    scripts: after.scripts - before.scripts,
    // The answer to the first question is sent once its figures are taken.
    bytes: after.bytes - before.bytes - before.answer,
    cpu: after.cpu - before.cpu,
  }
}

/** @param {string} report @returns {Counters} */
function parse(report) {
  const lines = new Map(
    report.split('\r\n').map((line) => /** @type {[string, string]} */ (line.split(':', 2))),
  )
  const number = (/** @type {string} */ name) => Number(lines.get(name))
  const calls = [...lines].flatMap(([name, values]) => {
    const command = /^cmdstat_(.+)/.exec(name)?.[1]
    if (command === undefined || ours.test(command)) return []
    return [{ command, count: Number(/calls=(\d+)/.exec(values)?.[1]) }]
  })
  return {
    commands: sum(calls),
    scripts: sum(calls.filter(({ command }) => evaluation.test(command))),
    bytes: number('total_net_input_bytes') + number('total_net_output_bytes'),
    cpu: (number('used_cpu_sys') + number('used_cpu_user')) * 1e6,
  }
}

/** @param {{ count: number }[]} calls */
function sum(calls) {
  return calls.reduce((total, { count }) => total + count, 0)
}

/**
 * The part of the commands that came from clients and not from within scripts: Redis counts both in
 * one, and tells them apart only where one watches. ioredis' own monitor loses its place under load.
 * @param {number} port
 */
export async function shareOfClients(port) {
  const socket = connect(port, '127.0.0.1')
  socket.write('MONITOR\r\n')
  let all = 0
  let within = 0
  for await (const line of createInterface({ input: socket })) {
    // +1795637646.600446 [2 127.0.0.1:42310] "get" "…", or [2 lua].
    const source = /^\+\S+ \[\d+ ([^\]]+)\]/.exec(line)?.[1]
    if (source !== undefined) all++
    if (source === 'lua') within++
    if (all === ENOUGH) break
  }
  socket.destroy()
  return (all - within) / all
}

/**
 * What the keys of a candidate's database take, indexes included.
 * @param {import('ioredis').Redis} redis
 * @param {number} database
 */
export async function storedBytes(redis, database) {
  const own = redis.duplicate({ db: database })
  let bytes = 0
  for await (const keys of own.scanStream({ count: 1000 })) {
    const sizes = await Promise.all(
      keys.map((/** @type {string} */ key) => own.memory('USAGE', key, 'SAMPLES', 0)),
    )
    bytes += sizes.reduce((total, size) => total + Number(size), 0)
  }
  own.disconnect()
  return bytes
}
