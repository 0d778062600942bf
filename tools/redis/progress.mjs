/** Tells a waiting person what is going on, once it takes longer than two seconds. */

/**
 * Waits for `work`; prints `text` if that takes more than two seconds.
 * @template T
 * @param {string} text
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(text, work) {
  const timer = setTimeout(() => console.error(`${text} …`), 2000)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}
