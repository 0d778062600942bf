/** `npm run chaos`: handstamp and its peers while Redis is not well. See options.js for the words it knows. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Skipped } from './figure.js'
import { libraries } from './contestant.js'
import { readOptions } from './options.js'
import { pageWith, textOf } from './table.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

try {
  const options = readOptions(process.argv.slice(2))
  console.error('building handstamp …')
  execFileSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: ['ignore', 2, 2] })
  const results = await runAll(options)
  console.log(options.json ? JSON.stringify(results, undefined, 2) : textOf(results))
  if (options.write) pageWith(results)
  const missed = results.flatMap(({ figures }) => figures).filter(({ isMet }) => !isMet)
  if (missed.length > 0) {
    console.error(`${missed.length} figures miss their bar`)
    process.exitCode = 1
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/**
 * @param {import('./options.js').Options} options
 * @returns {Promise<import('./table.js').Result[]>}
 */
async function runAll(options) {
  const { only, against, isQuick, minutes, seed } = options
  // Imports what was just built.
  const { scenarios } = await import('./scenarios/index.js')
  const chosen = scenarios.filter(({ name, isLong }) => (only ? only.test(name) : !isLong))
  if (chosen.length === 0) throw new Error(`no scenario is called ${String(only)}`)
  /** @type {import('./table.js').Result[]} */
  const results = []
  for (const [at, { name, title, run }] of chosen.entries()) {
    const started = performance.now()
    const place = `${at + 1} of ${chosen.length}`
    const progress = (/** @type {string} */ step) => {
      const seconds = Math.round((performance.now() - started) / 1000)
      process.stderr.write(`${place}, ${name}, ${seconds} s: ${step}\n`)
    }
    progress('begins')
    const result = { name, title: isQuick ? `${title} (shortened by --quick)` : title }
    try {
      const figures = await run({
        libraries: libraries.filter((library) => library === 'handstamp' || against.test(library)),
        choose: (complete, quick) => (isQuick ? quick : complete),
        minutes,
        seed,
        progress,
      })
      results.push({ ...result, figures })
    } catch (error) {
      if (!(error instanceof Skipped)) throw error
      results.push({ ...result, figures: [], skipped: error.message })
    }
  }
  return results
}
