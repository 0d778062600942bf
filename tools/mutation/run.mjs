/**
 * `npm run mutate`: breaks the pure parts of core, http and redis in every place, one at a time, and looks whether a unit
 * test or the contract of the memory store notices. Below 85 % it ends with 1. Words go to StrykerJS, such as
 * `-- --mutate src/core/plan.ts`; the report stays in .cache/mutation.json.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const stryker = `${here}node_modules/@stryker-mutator/core/bin/stryker.js`

if (!existsSync(stryker)) run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], here)
const words = ['run', `${here}stryker.config.json`, ...process.argv.slice(2)]
process.exitCode = run(process.execPath, [stryker, ...words], root)

/** @param {string} program @param {string[]} args @param {string} cwd */
function run(program, args, cwd) {
  return spawnSync(program, args, { cwd, stdio: 'inherit' }).status ?? 1
}
