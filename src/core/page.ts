/** A stretch of a list. */
import { optionError } from './errors.ts'

export interface PageOptions {
  /** How many at most, 1 to 1,000. Default 50. */
  readonly limit?: number
  /** Where to go on: `next` of the page before. */
  readonly offset?: number
}

/** Throws ERR_OPTION. */
export function checkedPage({ limit = 50, offset = 0 }: PageOptions): Required<PageOptions> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000) {
    throw optionError('limit must be a whole number from 1 to 1,000.')
  }
  if (Number.isSafeInteger(offset) && offset >= 0) return { limit, offset }
  throw optionError('offset must be the `next` of the page before.')
}
