/** What the command line of `npm run bench` asks for. */
import { parseArgs } from 'node:util'

/**
 * Times are seconds.
 * @typedef {object} Settings
 * @property {number} rounds how often everything is measured
 * @property {number} warmUp requests to each candidate before the first round
 * @property {number} settle load before each measured window
 * @property {number} seconds a measured window
 * @property {number} paced a window at the fixed rate
 * @property {readonly string[]} pacedWorkloads the workloads whose latency is measured
 * @property {number} sessions
 * @property {number} connections
 * @property {number} rate requests per second of the fixed rate
 */

const common = { sessions: 1000, connections: 64, rate: 1500 }

/** @type {Settings} About 30 minutes. */
const complete = {
  ...common,
  rounds: 6,
  warmUp: 20_000,
  settle: 0.3,
  seconds: 1,
  paced: 0.6,
  pacedWorkloads: ['R', 'W', 'M', 'N'],
}

/** @type {Settings} About 2 minutes. */
const quick = {
  ...common,
  rounds: 1,
  warmUp: 6_000,
  settle: 0.15,
  seconds: 0.5,
  paced: 0.5,
  pacedWorkloads: ['R'],
}

const usage = `npm run bench -- [options]
  --quick             about 2 minutes instead of 30, and less exact
  --json              the figures as JSON on standard output; npm run --silent leaves it alone there
  --only=<regex>      only the candidates whose name matches, and the bare frameworks beside them
  --rounds=<n>        another number of rounds
  --load=autocannon   not wrk, although it is there
  --help              this
  --write             writes bench/RESULTS.md and docs/bench.svg after another than the plain run too`

/**
 * @typedef {object} Options
 * @property {Settings} settings
 * @property {boolean} isQuick
 * @property {boolean} json
 * @property {RegExp | undefined} only
 * @property {string | undefined} load
 * @property {boolean} write
 */

/** @param {string[]} words @returns {Options} */
export function readOptions(words) {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        load: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(usage)
      process.exit()
    }
    const settings = { ...(values.quick ? quick : complete) }
    if (values.rounds !== undefined) settings.rounds = countOf(values.rounds)
    if (values.load !== undefined && !['wrk', 'autocannon'].includes(values.load))
      throw new Error(`--load is wrk or autocannon, not '${values.load}'`)
    return {
      settings,
      isQuick: values.quick,
      json: values.json,
      only: values.only === undefined ? undefined : new RegExp(values.only, 'i'),
      load: values.load,
      write: values.write || words.every((word) => word === '--json'),
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${reason}\n\n${usage}`, { cause: error })
  }
}

/** @param {string} text */
function countOf(text) {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new Error(`--rounds is a whole number above 0, not '${text}'`)
}
