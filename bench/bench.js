/** `npm run bench`: handstamp beside its peers, measured in one run. See options.js for the words it knows. */
import { writeFileSync } from 'node:fs'
import { costChart } from './chart.js'
import { readOptions } from './options.js'
import { prepare } from './prepare.js'
import { resultsPage, resultsText } from './results.js'

try {
  const options = readOptions(process.argv.slice(2))
  await prepare()
  // Imports what `prepare` installs.
  const { compare } = await import('./compare.js')
  const run = await compare(options)
  console.log(options.json ? JSON.stringify(run, undefined, 2) : resultsText(run))
  if (options.write) write(run)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** @param {import('./results.js').Run} run */
function write(run) {
  const { date, commit, versions } = run.machine
  writeFileSync(new URL('RESULTS.md', import.meta.url), resultsPage(run))
  writeFileSync(
    new URL('../docs/bench.svg', import.meta.url),
    costChart(run.rows, `${versions}; ${commit}, ${date}`),
  )
  console.error('wrote bench/RESULTS.md and docs/bench.svg')
}
