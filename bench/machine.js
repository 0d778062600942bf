/** Where and on what a run was made: without it figures say nothing. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release, type } from 'node:os'
import { arePinned } from './cores.js'
import { installedVersion } from './prepare.js'

/** The load of the machine before we add to it. */
const loadBefore = loadavg()[0] ?? NaN

/**
 * @param {import('ioredis').Redis} redis
 * @param {string} load the generator
 * @returns {Promise<Record<string, string>>}
 */
export async function describeMachine(redis, load) {
  const redisVersion = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1]
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    commit: commit(),
    processor: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`,
    system: `${type()} ${release()}`,
    'load before the run': loadBefore.toFixed(1),
    cores: arePinned()
      ? 'the server on the first, all else on the others'
      : 'as the system decides',
    ...idling(),
    versions: [`Node.js ${process.versions.node}`, `Redis ${redisVersion}`, load].join(', '),
    packages: packages(),
  }
}

/** In a virtual machine a core that has halted is dear to wake, and each response wakes the one that asked. */
function idling() {
  const setting = '/sys/module/haltpoll/parameters/guest_halt_poll_ns'
  if (!existsSync(setting)) return {}
  const polls = Number(readFileSync(setting, 'utf8')) / 1000
  return { 'idle cores': polls > 0 ? `poll for ${polls} µs before they halt` : 'halt at once' }
}

function commit() {
  const changed = git('status', '--porcelain') ? ', with changes' : ''
  return `${git('rev-parse', '--short=12', 'HEAD') || 'unknown'}${changed}`
}

/** @param {string[]} words */
function git(...words) {
  return spawnSync('git', words, { encoding: 'utf8', cwd: import.meta.dirname }).stdout?.trim()
}

/** The pinned ones, as they are installed. */
function packages() {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('package.json', import.meta.url), 'utf8'),
  )
  return Object.keys(dependencies)
    .map((name) => `${name} ${installedVersion(name)}`)
    .join(', ')
}
