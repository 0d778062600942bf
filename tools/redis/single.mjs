/** One Redis server. */
import { dataArgs } from './servers.mjs'

/** @typedef {{ port: number }} Single */

/**
 * @param {import('./servers.mjs').Servers} servers
 * @returns {Promise<Single>}
 */
export async function startSingle(servers) {
  return { port: await servers.start(dataArgs) }
}
