/** What the records of a load say. */

/** @typedef {import('./load.js').Record} Record */

/** No visitor is kept longer: the deadline of 250 ms and what a busy machine adds. */
export const SLOW = 300

/** @param {Record} record */
function latency({ begin, end, status }) {
  return status === 0 ? Infinity : end - begin
}

/** @param {Record} record */
function isGood(record) {
  return record.status === 200 && latency(record) <= SLOW
}

/** The slowest answer; Infinity where one never came. @param {readonly Record[]} records */
export function slowest(records) {
  return records.reduce((most, record) => Math.max(most, latency(record)), 0)
}

/** @param {readonly Record[]} records @param {number} part */
export function percentile(records, part) {
  const times = records.map(latency).toSorted((a, b) => a - b)
  return times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? NaN
}

/**
 * Seconds after which every request was answered well and at once; Infinity where the last half second of
 * them was not.
 * @param {readonly Record[]} records
 * @param {number} since
 */
export function steadyAfter(records, since) {
  const bad = records.filter((record) => record.begin >= since && !isGood(record))
  const lastBad = Math.max(since, ...bad.map(({ begin }) => begin))
  const last = Math.max(...records.map(({ begin }) => begin))
  return last - lastBad < 500 ? Infinity : (lastBad - since) / 1000
}

/** @param {readonly Record[]} records @param {number} from @param {number} to */
export function begunBetween(records, from, to) {
  return records.filter(({ begin }) => begin >= from && begin < to)
}
