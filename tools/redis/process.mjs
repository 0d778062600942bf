/** Which process is the server on a port? */
import { ask } from './ask.mjs'

/**
 * @param {number} port
 * @returns {Promise<number>} its id, for `process.kill`
 */
export async function processOf(port) {
  return Number(/process_id:(\d+)/.exec(await ask(port, 'INFO', 'server'))?.[1])
}
