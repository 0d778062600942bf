/**
 * The candidates of a framework, round after round, so that a slow minute falls on all of them; then those of
 * the next. Each round has processes of its own: the same code is up to a third slower in one process than in
 * another, as long as that lives.
 */
import { isBare } from './candidates.js'
import { startContestant } from './contestant.js'
import { paced } from './load/paced.js'
import { measure, warmUp } from './measure.js'
import { storedBytes } from './redis-counters.js'
import { workloads } from './workloads.js'

/**
 * What the candidates are measured on.
 * @typedef {object} Ground
 * @property {import('ioredis').Redis} redis
 * @property {number} port of that Redis
 * @property {import('./load/load.js').Generator} startLoad
 * @property {import('./options.js').Settings} settings
 * @property {(step: string) => void} progress called before each step
 *
 * @typedef {object} Sample
 * @property {string} name of the candidate
 * @property {string} workload
 * @property {number} round
 * @property {import('./measure.js').Figures & Partial<import('./load/paced.js').Latency>} figures
 *
 * @typedef {import('./candidates.js').Candidate} Candidate
 */

/**
 * @param {readonly Candidate[]} candidates
 * @param {Ground} ground
 * @returns {Promise<{ samples: Sample[], stored: Record<string, number> }>} bytes stored per session
 */
export async function runRounds(candidates, ground) {
  /** @type {Sample[]} */
  const samples = []
  /** @type {Record<string, number>} */
  const stored = {}
  for (const framework of new Set(candidates.map((candidate) => candidate.framework))) {
    const group = candidates.filter((candidate) => candidate.framework === framework)
    for (let round = 1; round <= ground.settings.rounds; round++) {
      await ground.redis.flushall()
      // To and fro: what drifts in one direction cancels out.
      const inTurn = round % 2 === 0 ? group.toReversed() : group
      samples.push(...(await runRound(inTurn, round, stored, ground)))
    }
  }
  return { samples, stored }
}

/**
 * @param {readonly Candidate[]} candidates
 * @param {number} round
 * @param {Record<string, number>} stored is filled in
 * @param {Ground} ground
 */
async function runRound(candidates, round, stored, ground) {
  const { settings, progress, redis, port } = ground
  /** @type {import('./contestant.js').Contestant[]} */
  const contestants = []
  /** @type {Sample[]} */
  const samples = []
  try {
    // One of Redis' sixteen databases each; ours is the first.
    for (const [at, candidate] of candidates.entries()) {
      progress(`round ${round} of ${settings.rounds}, warming up: ${candidate.name}`)
      const address = { port, database: at + 1 }
      const contestant = await startContestant(candidate, address, settings.sessions)
      contestants.push(contestant)
      if (!isBare(candidate))
        stored[candidate.name] ??= (await storedBytes(redis, address.database)) / settings.sessions
      await warmUp(contestant, allSorts(contestant), ground)
    }
    for (const workload of Object.keys(workloads))
      for (const contestant of contestants) {
        const { name } = contestant.candidate
        progress(`round ${round} of ${settings.rounds}, ${workload}: ${name}`)
        const figures = await figuresOf(contestant, workload, ground)
        samples.push({ name, workload, round, figures })
      }
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.stop()))
  }
  return samples
}

/** How often `runRounds` calls `progress`. @param {number} count of candidates @param {number} rounds */
export function stepsOf(count, rounds) {
  return count * rounds * (1 + Object.keys(workloads).length)
}

/**
 * @param {import('./contestant.js').Contestant} contestant
 * @param {string} workload
 * @param {Ground} ground
 */
async function figuresOf(contestant, workload, ground) {
  const { connections, pacedWorkloads, paced: seconds, rate } = ground.settings
  const requests = requestsOf(workload, contestant)
  const figures = await measure(contestant, requests, ground)
  if (!pacedWorkloads.includes(workload)) return figures
  const { port } = contestant
  return { ...figures, ...(await paced({ port, requests, connections, seconds, rate })) }
}

/** @param {string} workload @param {import('./contestant.js').Contestant} contestant */
function requestsOf(workload, { cookies }) {
  return workloads[workload]?.requests(cookies) ?? []
}

/** Every path that will be measured. @param {import('./contestant.js').Contestant} contestant */
function allSorts(contestant) {
  return Object.keys(workloads).flatMap((workload) => requestsOf(workload, contestant))
}
