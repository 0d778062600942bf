/** As many requests as the server answers: by wrk where it is installed, else by autocannon. */
import { installedVersion } from '../prepare.js'
import { startAutocannon } from './autocannon.js'
import { startWrk, wrkVersion } from './wrk.js'

/**
 * @typedef {object} Wish
 * @property {number} port
 * @property {import('../workloads.js').Request[]} requests in turn, over and over
 * @property {number} connections
 * @property {number} seconds how long it is needed, about
 *
 * @typedef {{ failed: number, refused: number }} Complaints requests without an answer, or with an error's
 * @typedef {{ stop(): Promise<Complaints> }} Load
 * @typedef {(wish: Wish) => Load} Generator
 */

/** @param {string | undefined} wanted @returns {{ name: string, start: Generator }} */
export function chooseLoad(wanted) {
  const wrk = wanted === 'autocannon' ? undefined : wrkVersion()
  if (wrk !== undefined) return { name: wrk, start: startWrk }
  if (wanted === 'wrk') throw new Error('wrk is not installed')
  return { name: `autocannon ${installedVersion('autocannon')}`, start: startAutocannon }
}
