/**
 * The process under load: one app with one session library. Argument: a `Setup` as JSON. Tells its
 * parent its port, and at each message how it is, after a collection of garbage where that is the message:
 * it takes some milliseconds, in which nobody is answered. Ends with its parent.
 */
import { createServer } from 'node:http'
import { createApp } from './app.js'

/**
 * @typedef {object} Setup
 * @property {string} library the file in mounts/ that mounts it
 * @property {import('./connect.js').Address} address
 * @property {object} [options] of the session library
 *
 * @typedef {object} State
 * @property {number} heap bytes in use
 * @property {number} inFlight the most requests at once since the last question
 * @property {number} handles what keeps a process alive: sockets, timers
 * @property {number} storeCalls commands sent for sessions so far, where the client can be watched
 */

/** @type {Setup} */
const setup = JSON.parse(process.argv[2] ?? '{}')
const { listener, storeCalls } = await createApp(setup)
const server = createServer(listener)
// Else it closes idle connections after 5 s, some just as they are used: the load would count that as no answer.
server.keepAliveTimeout = 0
let inFlight = 0
let most = 0
server.on('request', (_, response) => {
  most = Math.max(most, ++inFlight)
  response.once('close', () => inFlight--)
})
server.listen(0, '127.0.0.1', () => process.send?.(server.address()))
process.on('message', (message) => {
  if (message === 'collect') globalThis.gc?.()
  /** @type {State} */
  const state = {
    heap: process.memoryUsage().heapUsed,
    inFlight: most,
    handles: process.getActiveResourcesInfo().filter((name) => !name.includes('TCP')).length,
    storeCalls: storeCalls(),
  }
  most = inFlight
  process.send?.(state)
})
process.on('disconnect', () => process.exit())
