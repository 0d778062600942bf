/** One measured figure of every library, beside the bar that handstamp has to clear. */

/**
 * @typedef {object} Figure
 * @property {string} what
 * @property {string} bar
 * @property {boolean} isMet by handstamp
 * @property {Record<string, string>} values by library
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {boolean} [isLong] runs only where it is named
 * @property {(chaos: Chaos) => Promise<Figure[]>} run throws `Skipped` where this machine cannot
 *
 * @typedef {object} Chaos
 * @property {readonly string[]} libraries to measure
 * @property {(complete: number, quick: number) => number} choose by the length of the run
 * @property {number} minutes of the soak
 * @property {number} seed
 * @property {(step: string) => void} progress
 */

export class Skipped extends Error {}

/**
 * @param {string} what
 * @param {number} limit
 * @param {string} unit
 * @param {Record<string, number | undefined>} values undefined: not to be had of this library
 * @returns {Figure}
 */
export function atMost(what, limit, unit, values) {
  const { handstamp } = values
  return {
    what,
    bar: limit === 0 ? '0' : `≤ ${spoken(limit, unit)}`,
    isMet: handstamp === undefined || handstamp <= limit,
    values: mapValues(values, (value) => (value === undefined ? '–' : spoken(value, unit))),
  }
}

/**
 * @param {string} what
 * @param {Record<string, boolean | undefined>} values
 * @returns {Figure}
 */
export function mustBe(what, values) {
  return {
    what,
    bar: 'yes',
    isMet: values['handstamp'] !== false,
    values: mapValues(values, (value) => (value === undefined ? '–' : value ? 'yes' : 'no')),
  }
}

/** @param {number} value @param {string} unit */
function spoken(value, unit) {
  if (value === Infinity) return 'never'
  const digits = unit === 's' || unit === 'MB' || unit === '%' ? 1 : 0
  const text = value.toFixed(digits).replace(/\.0$/, '')
  return unit === '' ? text : `${text} ${unit}`
}

/**
 * @template From
 * @param {Record<string, From>} record
 * @param {(value: From) => string} change
 */
function mapValues(record, change) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

/**
 * One value of each library's result.
 * @template Result
 * @template Value
 * @param {Record<string, Result>} results
 * @param {(result: Result) => Value} take
 * @returns {Record<string, Value>}
 */
export function each(results, take) {
  return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, take(result)]))
}

/**
 * Runs one library after the other.
 * @template Result
 * @param {readonly string[]} libraries
 * @param {(library: string) => Promise<Result>} measure
 * @returns {Promise<Record<string, Result>>}
 */
export async function compare(libraries, measure) {
  /** @type {Record<string, Result>} */
  const results = {}
  for (const library of libraries) results[library] = await measure(library)
  return results
}
