/** From the records of requests to the history of registers. */

/** @typedef {import('../history.js').Operation} Operation */

/**
 * The requests that wrote or read a value; a write that failed may have taken effect.
 * @param {readonly import('./load.js').Record[]} records
 * @returns {Operation[]}
 */
export function historyOf(records) {
  return records.flatMap((record) => operationOf(record) ?? [])
}

/** @param {import('./load.js').Record} record @returns {Operation | undefined} */
function operationOf({ kind, session, value = NaN, begin, end, status, body }) {
  if (session === undefined || kind === undefined) return undefined
  const isDone = status === 200
  if (kind === 'write') return { session, kind, value, begin, end: isDone ? end : Infinity }
  return isDone ? { session, kind, value: body?.n ?? NaN, begin, end } : undefined
}
