/** Waits for a condition of the outer world by asking again and again. */
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves as soon as `holds` gives true; an error it throws counts as "not yet".
 * @param {string} condition in words, for the error after the deadline
 * @param {() => boolean | Promise<boolean>} holds
 * @param {number} [deadline] milliseconds
 * @returns {Promise<void>}
 */
export async function until(condition, holds, deadline = 15_000) {
  const last = performance.now() + deadline
  let reason
  do {
    try {
      if (await holds()) return
      reason = undefined
    } catch (error) {
      reason = error
    }
    await pause(20)
  } while (performance.now() < last)
  throw new Error(`after ${deadline} ms still not so: ${condition}`, { cause: reason })
}
