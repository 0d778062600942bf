/** Points in time, as the page shows them. */
import { html } from './html.js'

/**
 * The script puts it into the reader's own clock, or counts down to it.
 * @param {Date} date @param {'time' | 'countdown'} kind
 */
export function time(date, kind) {
  const text = `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return html`<time datetime="${date.toISOString()}" data-kind="${kind}">${text}</time>`
}
