/** A group of redis-server processes in one private temporary folder: start one more, end them all. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from './ask.mjs'
import { freePort } from './port.mjs'
import { until } from './until.mjs'

/**
 * @typedef {object} Servers
 * @property {string} folder the private folder; gone after `end`
 * @property {(args: (port: number, folder: string) => string[]) => Promise<number>} start
 *   starts a server with the given arguments; resolves to its port once it answers
 * @property {(port: number) => Promise<void>} restart
 *   starts a server that has ended again, on its port; resolves once it answers
 * @property {() => Promise<void>} end kills all servers and removes the folder
 */

/** @returns {Servers} */
export function createServers() {
  const folder = mkdtempSync(join(tmpdir(), 'handstamp-redis-'))
  /** @type {Set<{ kill(): Promise<void> }>} */
  const running = new Set()
  /** How each server was started, by its port. @type {Map<number, string[]>} */
  const wordsOf = new Map()
  let ended = false

  return {
    folder,

    async start(args) {
      for (let attempt = 1; ; attempt++) {
        const port = await freePort()
        if (ended) throw new Error('the servers have been ended')
        const own = join(folder, String(port))
        mkdirSync(own)
        const words = args(port, own)
        const server = startServer(words)
        running.add(server)
        wordsOf.set(port, words)
        if (await server.answers(port)) return port
        running.delete(server)
        const log = readLog(own)
        // Another process was faster on this port: take the next one.
        if (attempt < 5 && /address already in use/i.test(log)) continue
        throw new Error(`redis-server did not start on port ${port}: ${log.slice(-500)}`)
      }
    },

    async restart(port) {
      const words = wordsOf.get(port)
      if (!words || ended) throw new Error(`no server to start again on port ${port}`)
      const server = startServer(words)
      running.add(server)
      if (await server.answers(port)) return
      running.delete(server)
      throw new Error(`redis-server did not start again on port ${port}`)
    },

    async end() {
      ended = true
      await Promise.all([...running].map((server) => server.kill()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/**
 * The arguments of a server that holds data: loopback only, nothing written to disk.
 * @param {number} port
 * @param {string} folder
 * @param {Record<string, string | number>} [more] further settings
 * @returns {string[]}
 */
export function dataArgs(port, folder, more = {}) {
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: folder,
    logfile: 'log',
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0,
    // Tests use DEBUG SLEEP and DEBUG SET-ACTIVE-EXPIRE.
    'enable-debug-command': 'local',
    ...more,
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
}

/** @param {string[]} args */
function startServer(args) {
  const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', args, { stdio: 'ignore' })
  let alive = true
  const gone = new Promise((resolve) => {
    const end = () => {
      alive = false
      resolve(undefined)
    }
    child.once('exit', end).once('error', end)
  })
  return {
    /** True once this very process answers on the port; false if it has ended before. @param {number} port */
    async answers(port) {
      await until(`redis-server answers on port ${port}`, async () => {
        if (!alive) return true
        return (await ask(port, 'INFO', 'server')).includes(`process_id:${child.pid}\r\n`)
      })
      return alive
    },
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** @param {string} folder */
function readLog(folder) {
  try {
    return readFileSync(join(folder, 'log'), 'utf8')
  } catch {
    return 'it left no log'
  }
}
