/**
 * The candidates of a framework under a workload, round after round, so that a slow minute falls on all of
 * them and each comes again before its code is cold; then those of the next.
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
  const { settings, progress } = ground
  /** @type {import('./contestant.js').Contestant[]} */
  const contestants = []
  /** @type {Sample[]} */
  const samples = []
  /** @type {Record<string, number>} */
  const stored = {}
  try {
    // One of Redis' sixteen databases each; ours is the first.
    for (const [at, candidate] of candidates.entries()) {
      progress(`${candidate.name}: ${settings.sessions} sessions`)
      const address = { port: ground.port, database: at + 1 }
      const contestant = await startContestant(candidate, address, settings.sessions)
      contestants.push(contestant)
      if (!isBare(candidate)) {
        const bytes = await storedBytes(ground.redis, address.database)
        stored[candidate.name] = bytes / settings.sessions
      }
      await warmUp(contestant, allSorts(contestant), ground)
    }
    for (const { workload, group } of matches(contestants))
      for (let round = 1; round <= settings.rounds; round++)
        // To and fro: what drifts in one direction cancels out.
        for (const contestant of round % 2 === 0 ? group.toReversed() : group) {
          const { name } = contestant.candidate
          progress(`${workload}, round ${round} of ${settings.rounds}: ${name}`)
          const figures = await figuresOf(contestant, workload, ground)
          samples.push({ name, workload, round, figures })
        }
  } finally {
    for (const contestant of contestants) contestant.stop()
  }
  return { samples, stored }
}

/** Who is measured against whom, and at what. @param {readonly import('./contestant.js').Contestant[]} contestants */
function matches(contestants) {
  const frameworks = [...new Set(contestants.map(({ candidate }) => candidate.framework))]
  return Object.keys(workloads).flatMap((workload) =>
    frameworks.map((framework) => ({
      workload,
      group: contestants.filter(({ candidate }) => candidate.framework === framework),
    })),
  )
}

/** How often `runRounds` calls `progress`. @param {number} count of candidates @param {number} rounds */
export function stepsOf(count, rounds) {
  return count * (1 + rounds * Object.keys(workloads).length)
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
