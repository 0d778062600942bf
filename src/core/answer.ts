/** What a function of the application answers that stands among the options. */
import { types } from 'node:util'
import { optionError } from './errors.ts'

/**
 * Throws ERR_OPTION where it throws, or wants to be waited for. What it threw is not passed on: the
 * function was given a request or a user's data, and its error may repeat them.
 */
export function answerOf(option: string, ask: () => unknown): unknown {
  let answer: unknown
  try {
    answer = ask()
  } catch (error) {
    const kind = error instanceof TypeError ? 'a TypeError' : 'an error'
    throw optionError(
      `${option} threw ${kind}: it must have an answer to any input, undefined for none.`,
    )
  }
  if (!types.isPromise(answer)) return answer
  // What becomes of it concerns nobody any more.
  answer.catch(() => undefined)
  throw optionError(`${option} returned a promise: nobody waits for it, so it must answer at once.`)
}
