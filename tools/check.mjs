/**
 * `npm run check`: everything that can be said about the code without its behaviour.
 * Runs all checks in sequence, also after a failure; one line each; ends with 1 if any failed.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** @type {[name: string, command: string][]} */
const checks = [
  ['format', 'oxfmt --check'],
  ['lint', 'oxlint --type-aware --deny-warnings'],
  ['types', 'tsc --project tsconfig.json'],
  ['generated files', 'node tools/embed-lua.mjs --check'],
  ['architecture', 'vitest run tests/architecture.test.ts'],
  ['build', 'npm run build --silent'],
  ['exports', 'publint --strict'],
  ['types as published', 'attw --pack . --profile esm-only'],
  ['unused code', 'knip'],
]

const began = performance.now()
const failed = checks.filter(([name, command]) => !passes(name, command)).map(([name]) => name)
const verdict = failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`
console.log(`${verdict} (${seconds(began)})`)
process.exitCode = failed.length === 0 ? 0 : 1

/**
 * Runs a command of this package; shows its output only if it fails.
 * @param {string} name
 * @param {string} command
 */
function passes(name, command) {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(command, {
    shell: true,
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    maxBuffer: 64 << 20,
  })
  const passed = status === 0
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name.padEnd(20)} ${seconds(start).padStart(7)}`)
  if (!passed) console.log(`     $ ${command}\n${stdout}${stderr}`)
  return passed
}

/** @param {number} start */
function seconds(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`
}
