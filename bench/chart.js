/** `docs/bench.svg`: what a session costs per request, as bars. */

/** @typedef {import('./summary.js').Row} Row */

const WIDTH = 800
const LEFT = 350
const BAR = 11
const SHOWN = /** @type {const} */ ([
  ['R', 'reads one field'],
  ['W', 'changes one field'],
])

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11px; fill: #59636e }
  .R { fill: #2f6fbb }
  .W { fill: #9dbfe4 }
  .own { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .R { fill: #6ea8ec }
    .W { fill: #34567d }
  }`

/** @param {readonly Row[]} rows @param {string} caption @returns {string} */
export function costChart(rows, caption) {
  const names = [...new Set(rows.filter((row) => !row.isBare).map(({ name }) => name))]
  const most = Math.max(1, ...shownRows(rows).map(({ cost }) => cost))
  const scale = (WIDTH - LEFT - 60) / most
  const step = BAR * SHOWN.length + 14
  const height = 70 + names.length * step + 24
  const groups = names.map((name, at) => {
    const own = name.startsWith('handstamp') ? ' class="own"' : ''
    const bars = SHOWN.map(([workload], line) => bar(rows, name, workload, line, scale))
    return `<g transform="translate(0 ${64 + at * step})">
  <text x="${LEFT - 10}" y="${BAR + 4}" text-anchor="end"${own}>${escaped(name)}</text>
${bars.join('\n')}
</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
<title id="title">CPU time per request above the bare framework</title>
<style>${style}
</style>
<text x="10" y="22" class="own">CPU time per request above the bare framework, µs (less is better)</text>
${SHOWN.map(key).join('\n')}
${groups.join('\n')}
<text x="10" y="${height - 8}" class="small">${escaped(caption)}</text>
</svg>
`
}

/** @param {readonly Row[]} rows */
function shownRows(rows) {
  return rows.filter(({ workload }) => SHOWN.some(([shown]) => shown === workload))
}

/**
 * @param {readonly Row[]} rows
 * @param {string} name
 * @param {string} workload
 * @param {number} line
 * @param {number} scale
 */
function bar(rows, name, workload, line, scale) {
  const cost = rows.find((row) => row.name === name && row.workload === workload)?.cost ?? 0
  const width = Math.max(1, cost * scale)
  const y = line * (BAR + 1)
  return `  <rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" class="${workload}"/>
  <text x="${(LEFT + width + 6).toFixed(1)}" y="${y + BAR - 1}" class="small">${cost.toFixed(cost < 10 ? 1 : 0)}</text>`
}

/** @param {(typeof SHOWN)[number]} shown @param {number} at */
function key([workload, title], at) {
  const x = 10 + at * 170
  return `<rect x="${x}" y="34" width="${BAR}" height="${BAR}" class="${workload}"/>
<text x="${x + BAR + 6}" y="44" class="small">the request ${title}</text>`
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
