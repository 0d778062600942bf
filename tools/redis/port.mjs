/** Which loopback port may a server take? */
import { createServer } from 'node:net'

/** A cluster node talks to its peers on its port + 10000. */
const BUS = 10_000

// Below the range from which systems take the ports of outgoing connections (32768 and up),
// the bus included, so that no connection can take a port between the question and its use.
const LOWEST = 10_000
const COUNT = 12_000

/** @type {Set<number>} */
const given = new Set()

/**
 * A port that is free together with its cluster bus port; never the same one twice.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (given.has(port) || given.has(port + BUS) || given.has(port - BUS)) continue
    given.add(port)
    if ((await isFree(port)) && (await isFree(port + BUS))) return port
  }
  throw new Error(`no free port between ${LOWEST} and ${LOWEST + COUNT} on 127.0.0.1`)
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
