/** A candidate as the measuring process sees it: a process of its own, warm, with its visitors. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isBare } from './candidates.js'
import { pinServer } from './cores.js'
import { admit } from './visitors.js'

/**
 * @typedef {object} Contestant
 * @property {import('./candidates.js').Candidate} candidate
 * @property {number} port
 * @property {readonly string[]} cookies one per session
 * @property {() => Promise<import('./server.js').Usage>} usage
 * @property {() => Promise<void>} stop resolves when it has ended
 */

/**
 * @param {import('./candidates.js').Candidate} candidate
 * @param {import('./app.js').Address} address
 * @param {number} sessions
 * @returns {Promise<Contestant>}
 */
export async function startContestant(candidate, address, sessions) {
  const child = fork(
    fileURLToPath(new URL('server.js', import.meta.url)),
    [JSON.stringify({ candidate, address })],
    { env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', 2, 2, 'ipc'] },
  )
  const died = once(child, 'exit').then(([status]) => {
    throw new Error(`the server of '${candidate.name}' ended with ${status}`)
  })
  died.catch(() => {})
  const reply = async () => (await Promise.race([once(child, 'message'), died]))[0]

  const { port } = await reply()
  pinServer(child.pid)
  return {
    candidate,
    port,
    cookies: await admit(port, sessions, isBare(candidate)),
    usage() {
      const usage = reply()
      child.send('usage')
      return usage
    },
    async stop() {
      child.disconnect()
      await died.catch(() => {})
    },
  }
}
