/** A line on standard error that says how far a long run has come. */

/**
 * @param {number} steps how often it will be called
 * @returns {(step: string) => void}
 */
export function createProgress(steps) {
  const start = performance.now()
  let done = 0
  let shown = 0
  return (step) => {
    const now = performance.now()
    const left = done > 0 ? ((now - start) / done) * (steps - done) : undefined
    const percent = Math.floor((100 * done++) / steps)
    const line = `${String(percent).padStart(3)} %${left === undefined ? '' : `, ${spoken(left)} left`}: ${step}`
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line.slice(0, 100)}`)
    // In a log a line now and then is enough.
    else if (now - shown > 15_000) {
      shown = now
      process.stderr.write(`${line}\n`)
    }
  }
}

/** Takes the line away. */
export function endProgress() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** @param {number} milliseconds */
function spoken(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000)
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}
