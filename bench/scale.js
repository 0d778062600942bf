/**
 * `npm run bench:scale`: the same questions at growing sizes, each asked by a program of its own.
 *
 *     npm run bench:scale -- [--quick] [--json]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { prepare } from './prepare.js'

const isQuick = process.argv.includes('--quick')

/** @type {readonly [title: string, program: string, sizes: readonly number[]][]} */
const questions = isQuick
  ? [
      ['sessions', 'sessions.js', [1000, 10_000, 30_000]],
      ['sessions of one user', 'users.js', [1, 100, 10_000]],
      ['activity', 'activity.js', [1000, 10_000]],
    ]
  : [
      ['sessions', 'sessions.js', [1000, 10_000, 100_000, 1_000_000]],
      ['sessions of one user', 'users.js', [1, 100, 10_000, 100_000]],
      ['activity', 'activity.js', [1000, 10_000, 100_000]],
    ]

/** @typedef {Record<string, number>} Figures */

try {
  await prepare()
  /** @type {Record<string, Figures[]>} */
  const answers = {}
  for (const [title, program, sizes] of questions) {
    answers[title] = []
    for (const size of sizes) {
      process.stderr.write(`${title}: ${size.toLocaleString('en')} …\n`)
      answers[title].push(await ask(program, size))
    }
    if (!process.argv.includes('--json')) show(title, sizes, answers[title])
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify(answers, undefined, 2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** @param {string} program @param {number} size @returns {Promise<Figures>} */
async function ask(program, size) {
  const file = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, [file, `${size}`, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (status !== 0) throw new Error(`${program} ${size} ended with ${status}`)
  return JSON.parse(output)
}

/** A line per figure, a column per size. @param {string} title @param {readonly number[]} sizes @param {Figures[]} columns */
function show(title, sizes, columns) {
  console.log(`\n${title}`)
  const names = Object.keys(columns[0] ?? {}).slice(1)
  const rows = names.map((name) => [
    name,
    Object.fromEntries(sizes.map((size, at) => [size.toLocaleString('en'), columns[at]?.[name]])),
  ])
  console.table(Object.fromEntries(rows))
}
