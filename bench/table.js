/** The figures as tables, for the terminal and for Markdown alike. */
import { workloads } from './workloads.js'

/** @typedef {import('./summary.js').Row} Row */

/** @type {readonly [title: string, text: (row: Row) => string][]} */
const columns = [
  ['candidate', ({ name }) => name],
  ['CPU µs', ({ cpu }) => rounded(cpu)],
  ['±', ({ spread }) => `${Math.round(spread * 100)} %`],
  ['cost µs', (row) => (row.isBare ? '' : rounded(row.cost))],
  ['CPU ratio', ({ cpuRatio }) => cpuRatio.toFixed(2)],
  ['requests/s', ({ perSecond }) => Math.round(perSecond).toLocaleString('en')],
  ['ratio', ({ perSecondRatio }) => perSecondRatio.toFixed(2)],
  ['core', ({ busy }) => `${Math.round(busy * 100)} %`],
  ['p50 ms', ({ p50 }) => p50?.toFixed(2) ?? ''],
  ['p99 ms', ({ p99 }) => p99?.toFixed(2) ?? ''],
  ['commands', (row) => (row.isBare ? '' : row.commands.toFixed(2))],
  ['bytes', (row) => (row.isBare ? '' : `${Math.round(row.bytes)}`)],
  ['Redis µs', (row) => (row.isBare ? '' : rounded(row.redisCpu))],
]

/** What the columns mean. @param {import('./options.js').Settings} settings */
export function legend({ connections, rate, sessions }) {
  return `Per request, medians over the rounds. **CPU**: microseconds of the server process, user and
system. **±**: how far half of the rounds were from it, at most. **Cost**: CPU above the bare framework in the same round.
**Ratios**: what is left of the bare framework's speed, 1 is free. **requests/s** with ${connections} connections and
${sessions.toLocaleString('en')} sessions; **core**: how busy it kept the server's core, and where that is far from 100 %, something
else was the limit. **p50, p99** at ${rate.toLocaleString('en')} requests/s. **Commands**, **bytes** in both directions and CPU of
Redis by its own counters; commands inside scripts are not counted.`
}

/** One table per workload. @param {readonly Row[]} rows @returns {[title: string, table: string][]} */
export function workloadTables(rows) {
  return Object.entries(workloads).map(([workload, { title }]) => {
    const own = rows.filter((row) => row.workload === workload)
    const cells = own.map((row) => columns.map(([, text]) => text(row)))
    return [
      `${workload}: ${title}`,
      markdown(
        columns.map(([name]) => name),
        cells,
      ),
    ]
  })
}

/** @param {Record<string, number>} stored bytes per session, by candidate */
export function storedTable(stored) {
  const cells = Object.entries(stored).map(([name, bytes]) => [name, `${Math.round(bytes)}`])
  return markdown(['candidate', 'bytes per session'], cells)
}

/** The first column to the left, figures to the right. @param {string[]} titles @param {string[][]} rows */
function markdown(titles, rows) {
  const widths = titles.map((title, at) =>
    Math.max(3, title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, at) =>
    at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(titles), line(rule), ...rows.map(line)].join('\n')
}

/** @param {number} micros */
function rounded(micros) {
  return micros.toFixed(Math.abs(micros) < 100 ? 1 : 0)
}
