/** Text for a page: whatever is put into html`…` is escaped, unless it is such a text itself. */

/** @typedef {{ readonly text: string }} Html made here and nowhere else */

/** @type {WeakSet<object>} */
const made = new WeakSet()

/**
 * @param {TemplateStringsArray} parts
 * @param {...unknown} values strings, numbers, Html, lists of these; false and undefined are nothing
 * @returns {Html}
 */
export function html(parts, ...values) {
  const page = { text: parts.reduce((text, part, at) => text + asText(values[at - 1]) + part) }
  made.add(page)
  return page
}

/** @param {unknown} value @returns {string} */
function asText(value) {
  if (Array.isArray(value)) return value.map(asText).join('')
  if (isHtml(value)) return value.text
  if (typeof value !== 'string' && typeof value !== 'number') return ''
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Data that happens to look like Html is not. @param {unknown} value @returns {value is Html} */
function isHtml(value) {
  return typeof value === 'object' && value !== null && made.has(value)
}
