/** `bench/RESULTS.md`: the figures of a run, with all that is needed to judge them. */
import { legend, storedTable, workloadTables } from './table.js'

/**
 * All of a run, as `--json` prints it.
 * @typedef {object} Run
 * @property {Record<string, string>} machine
 * @property {import('./options.js').Settings} settings
 * @property {number} noise
 * @property {import('./summary.js').Row[]} rows
 * @property {Record<string, number>} stored bytes per session
 * @property {Record<string, string>} absent candidates that were not measured, and why
 */

/** From here on a run is not to be quoted. */
const TOO_NOISY = 0.05

/** @param {Run} run */
export function resultsPage(run) {
  const { settings, machine, rows, stored } = run
  const tables = workloadTables(rows).map(([title, table]) => `## ${title}\n\n${table}`)
  return `# Results

Written by \`npm run bench\`. ${noiseSentence(run)}

${list(machine)}
- rounds: ${settings.rounds} of ${settings.seconds} s per candidate and workload

![cost of a session per request](../docs/bench.svg)

${legend(settings)}

${tables.join('\n\n')}

## Stored

Bytes per session in Redis, key, expiry and indexes included, of 300 bytes of JSON.

${storedTable(stored)}
${absentees(run)}`
}

/** The same for the terminal. @param {Run} run */
export function resultsText(run) {
  const tables = workloadTables(run.rows).map(([title, table]) => `${title}\n\n${table}`)
  return [
    ...tables,
    `stored\n\n${storedTable(run.stored)}`,
    legend(run.settings).replaceAll('**', ''),
    list(run.machine),
    `${noiseSentence(run)}\n${absentees(run)}`,
  ].join('\n\n')
}

/** @param {Run} run */
function noiseSentence({ noise, settings }) {
  if (settings.rounds === 1) return 'One round only: nothing is known of the noise.'
  const apart = `half of the rounds lie within ±${(noise * 100).toFixed(1)} % of their median`
  return noise > TOO_NOISY
    ? `A noisy run, not to be quoted: ${apart}.`
    : `In the middle of all figures ${apart}.`
}

/** @param {Run} run */
function absentees({ absent }) {
  const lines = Object.entries(absent).map(
    ([name, why]) => `Not measured: ${name}, because ${why}.`,
  )
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}

/** @param {Record<string, string>} entries */
function list(entries) {
  return Object.entries(entries)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join('\n')
}
