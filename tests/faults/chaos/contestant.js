/** A session library as the measuring process sees it: an app in a process of its own, and its visitors. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Contestant
 * @property {number} port
 * @property {(before?: 'collect') => Promise<import('../app/server.js').State | undefined>} state
 *   undefined: it has ended
 * @property {() => boolean} isAlive
 * @property {() => string} lastWords what it printed at its end
 * @property {() => Promise<void>} stop
 */

/** In the order of the table; handstamp first. */
export const libraries = ['handstamp', 'koa-session', 'koa-generic-session', 'express-session']

/**
 * @param {import('../app/server.js').Setup} setup
 * @returns {Promise<Contestant>}
 */
export async function startContestant(setup) {
  const child = fork(
    fileURLToPath(new URL('../app/server.js', import.meta.url)),
    [JSON.stringify(setup)],
    {
      execArgv: ['--expose-gc', '--unhandled-rejections=strict'],
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  )
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => (words = (words + text).slice(-4000)))
  let isAlive = true
  const gone = once(child, 'exit').then(() => {
    isAlive = false
    return []
  })
  const message = async () => (await Promise.race([once(child, 'message'), gone]))[0]
  const first = await message()
  if (!first) throw new Error(`the app with ${setup.library} did not start: ${words}`)
  return {
    port: first.port,
    async state(before) {
      if (!isAlive) return undefined
      const state = message()
      child.send(before ?? 'look')
      return state
    },
    isAlive: () => isAlive,
    lastWords: () => words,
    async stop() {
      if (isAlive) child.kill('SIGKILL')
      await gone
    },
  }
}
