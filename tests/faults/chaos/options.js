/** What the command line of `npm run chaos` asks for. */
import { parseArgs } from 'node:util'

const usage = `npm run chaos -- [options]
  --only=<regex>   only the scenarios whose name matches
  --against=<regex> only the libraries whose name matches, beside handstamp
  --quick          shorter outages, and handstamp alone
  --minutes=<n>    the length of the soak; 30 without it
  --seed=<n>       other faults than last time
  --json           the figures as JSON on standard output
  --write          writes the table into docs/chaos.md`

/**
 * @typedef {object} Options
 * @property {RegExp | undefined} only
 * @property {RegExp} against
 * @property {boolean} isQuick
 * @property {number} minutes
 * @property {number} seed
 * @property {boolean} json
 * @property {boolean} write
 */

/** @param {string[]} words @returns {Options} */
export function readOptions(words) {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        only: { type: 'string' },
        against: { type: 'string' },
        quick: { type: 'boolean', default: false },
        minutes: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
      },
    })
    if (values.quick && values.write) throw new Error('--write is for complete runs, not --quick')
    return {
      only: values.only === undefined ? undefined : new RegExp(values.only, 'i'),
      against: new RegExp(values.against ?? (values.quick ? '^$' : ''), 'i'),
      isQuick: values.quick,
      minutes: numberOf('minutes', values.minutes),
      seed: numberOf('seed', values.seed),
      json: values.json,
      write: values.write,
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${reason}\n\n${usage}`, { cause: error })
  }
}

/** @param {string} name @param {string} text */
function numberOf(name, text) {
  const number = Number(text)
  if (number > 0) return number
  throw new Error(`--${name} is a number above 0, not '${text}'`)
}
