/** The figures of a run, for a terminal and for docs/chaos.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describeMachine } from './machine.js'

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {import('./figure.js').Figure[]} figures
 * @property {string} [skipped] why
 */

/** @param {readonly Result[]} results */
export function textOf(results) {
  return results
    .map(({ name, title, figures, skipped }) => {
      const lines = figures.map(
        ({ what, bar, isMet, values }) =>
          `  ${isMet ? 'met   ' : 'MISSED'} ${what.padEnd(38)} ${bar.padStart(10)}   ` +
          Object.entries(values)
            .map(([library, value]) => `${library} ${value}`)
            .join(', '),
      )
      return [`${title} (${name})`, ...(skipped ? [`  skipped: ${skipped}`] : lines)].join('\n')
    })
    .join('\n\n')
}

const PAGE = new URL('../../../docs/chaos.md', import.meta.url)
const BEGIN = '<!-- figures -->'
const END = '<!-- end of figures -->'

/** Writes the table into the page. @param {readonly Result[]} results */
export function pageWith(results) {
  const page = readFileSync(PAGE, 'utf8')
  const [before] = page.split(BEGIN)
  const [, after] = page.split(END)
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${tableOf(results)}\n\n${END}${after}`)
}

/** @param {readonly Result[]} results */
function tableOf(results) {
  const peers = ['koa-session', 'koa-generic-session', 'express-session']
  const lines = results.flatMap(({ title, figures, skipped }) => [
    `| **${title}** | | ${skipped ? `skipped: ${skipped}` : ''} | ${peers.map(() => '').join(' | ')} |`,
    ...figures.map(({ what, bar, isMet, values }) => {
      const own = `${values['handstamp']}${isMet ? '' : ' (missed)'}`
      const others = peers.map((peer) => values[peer] ?? '–').join(' | ')
      return `| ${what} | ${bar} | ${own} | ${others} |`
    }),
  ])
  return [
    describeMachine(),
    '',
    `| | bar | handstamp | ${peers.join(' | ')} |`,
    `| --- | ---: | ---: | ${peers.map(() => '---:').join(' | ')} |`,
    ...lines,
  ].join('\n')
}
