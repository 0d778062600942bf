/**
 * `npm run mutate`: breaks the pure parts of core, http and redis in every place, one at a time, and looks whether a unit
 * test or the contract of the memory store notices. Below 85 % it ends with 1. Words go to StrykerJS, such as
 * `-- --mutate src/core/plan.ts`; the report stays in .cache/mutation.json.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const stryker = `${here}node_modules/@stryker-mutator/core/bin/stryker.js`

if (!existsSync(stryker)) run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], here)
const words = ['run', `${here}stryker.config.json`, ...process.argv.slice(2)]
process.exitCode = run(process.execPath, [stryker, ...words], root) || nothingBroken()

/** A score of nothing is no score: a pattern with braces, say, which StrykerJS takes apart at its commas. */
function nothingBroken() {
  const { files } = JSON.parse(readFileSync(`${root}.cache/mutation.json`, 'utf8'))
  if (Object.keys(files).length > 0) return 0
  console.error('No file was broken: give --mutate paths with commas between them.')
  return 1
}

/** @param {string} program @param {string[]} args @param {string} cwd */
function run(program, args, cwd) {
  return spawnSync(program, args, { cwd, stdio: 'inherit' }).status ?? 1
}
