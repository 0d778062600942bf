/** From the samples of all rounds to one figure each: the median, and how far the rounds were apart. */
import { isBare } from './candidates.js'

/**
 * @typedef {object} Row medians over the rounds, per request except where said otherwise
 * @property {string} name
 * @property {string} workload
 * @property {boolean} isBare
 * @property {number} cpu µs of the server process
 * @property {number} cost µs above the bare framework in the same round
 * @property {readonly [low: number, high: number]} costs the least and the greatest of the rounds
 * @property {number} cpuRatio of the bare framework's to this one's: 1 is free
 * @property {number} perSecond requests per second
 * @property {number} perSecondRatio of this one's to the bare framework's: 1 is free
 * @property {number} busy part of a core
 * @property {number} commands to Redis
 * @property {number} bytes to and from Redis
 * @property {number} redisCpu µs
 * @property {number} [p50] ms at the fixed rate
 * @property {number} [p99] ms at the fixed rate
 * @property {number} spread how far a round's `cpu` lies from their median: the median of that, as a part of it
 */

/**
 * @param {import('./rounds.js').Sample[]} samples
 * @param {readonly import('./candidates.js').Candidate[]} candidates
 * @returns {Row[]}
 */
export function summarise(samples, candidates) {
  const names = new Set(samples.map(({ workload }) => workload))
  return [...names].flatMap((workload) =>
    candidates.map((candidate) => {
      const bare = candidates.find(
        (other) => isBare(other) && other.framework === candidate.framework,
      )
      const of = (/** @type {string | undefined} */ name) =>
        samples
          .filter((sample) => sample.name === name && sample.workload === workload)
          .map(({ figures }) => figures)
      return rowOf(candidate, workload, of(candidate.name), of(bare?.name))
    }),
  )
}

/** The middle of all spreads. @param {Row[]} rows */
export function noiseOf(rows) {
  return median(rows.map(({ spread }) => spread))
}

/**
 * @param {import('./candidates.js').Candidate} candidate
 * @param {string} workload
 * @param {import('./rounds.js').Sample['figures'][]} rounds
 * @param {import('./rounds.js').Sample['figures'][]} bare the same rounds of its framework
 * @returns {Row}
 */
function rowOf(candidate, workload, rounds, bare) {
  /** @typedef {import('./rounds.js').Sample['figures']} Figures */
  const middle = (/** @type {(own: Figures, bare: Figures) => number | undefined} */ figure) =>
    median(rounds.map((own, at) => figure(own, bare[at] ?? own) ?? NaN))
  const cpus = rounds.map(({ cpu }) => cpu)
  const costs = rounds.map(({ cpu }, at) => cpu - (bare[at]?.cpu ?? NaN))
  const hasLatency = rounds.every(({ p50 }) => p50 !== undefined)
  return {
    name: candidate.name,
    workload,
    isBare: isBare(candidate),
    cpu: median(cpus),
    cost: median(costs),
    costs: [Math.min(...costs), Math.max(...costs)],
    cpuRatio: middle((own, its) => its.cpu / own.cpu),
    perSecond: middle((own) => own.perSecond),
    perSecondRatio: middle((own, its) => own.perSecond / its.perSecond),
    busy: middle((own) => own.busy),
    commands: middle((own) => own.commands),
    bytes: middle((own) => own.bytes),
    redisCpu: middle((own) => own.redisCpu),
    ...(hasLatency && { p50: middle((own) => own.p50), p99: middle((own) => own.p99) }),
    spread: spreadOf(cpus),
  }
}

/** @param {number[]} values */
function spreadOf(values) {
  const middle = median(values)
  return median(values.map((value) => Math.abs(value - middle))) / middle
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const [low = NaN, high = low] =
    sorted.length % 2 === 0 ? sorted.slice(half - 1, half + 1) : sorted.slice(half, half + 1)
  return (low + high) / 2
}
