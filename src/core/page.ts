/** A stretch of a list. */
import { optionError } from './errors.ts'

export interface PageOptions {
  /** How many at most, 1 to 1,000. Default 50. */
  readonly limit?: number
  /** Where to go on: `next` of the page before. */
  readonly offset?: number
}

/** `besides`: what else the list takes. Throws ERR_OPTION. */
export function checkedPage(
  options: PageOptions,
  besides: readonly string[] = [],
): Required<PageOptions> {
  const known = ['limit', 'offset', ...besides]
  if (typeof options !== 'object' || options === null) {
    throw optionError(`list takes an object with ${known.join(', ')}.`)
  }
  const name = Object.keys(options).find((key) => !known.includes(key))
  if (name !== undefined) {
    throw optionError(`list has no option '${name}'; it takes ${known.join(', ')}.`)
  }
  const { limit = 50, offset = 0 } = options
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000) {
    throw optionError('limit must be a whole number from 1 to 1,000.')
  }
  if (Number.isSafeInteger(offset) && offset >= 0) return { limit, offset }
  throw optionError('offset must be the `next` of the page before.')
}
