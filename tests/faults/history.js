/**
 * Did each session behave like one register? Judges what several processes recorded: who wrote which
 * value when, who read which when.
 *
 * Every value of a session is written once. Then a history is linearizable exactly if no read returns
 * a value before its write began, and the zones of the values allow an order (Gibbons and Korach,
 * "Testing shared memories", SIAM J. Comput. 26(4), 1997, theorem 4.4). The zone of a value lies
 * between the first end and the last begin of its write and reads: a forward zone, where that end comes
 * first, is a time during which the register certainly held the value. So no two of them may overlap,
 * and none may enclose a backward zone.
 */

/**
 * A write whose outcome is unknown has `end: Infinity`: it may take effect at any time, or never.
 * @typedef {object} Operation
 * @property {string} session
 * @property {'write' | 'read'} kind
 * @property {number} value
 * @property {number} begin when it was asked for; one clock for all
 * @property {number} end when it was answered
 *
 * @typedef {{ session: string, reason: string }} Violation
 *
 * @typedef {{ value: number, begin: number, end: number, isForward: boolean }} Zone
 */

/** @param {Iterable<Operation>} history @returns {Violation[]} none: linearizable */
export function violationsOf(history) {
  /** @type {Map<string, Operation[]>} */
  const sessions = new Map()
  for (const operation of history) {
    const own = sessions.get(operation.session)
    if (own) own.push(operation)
    else sessions.set(operation.session, [operation])
  }
  return [...sessions].flatMap(([session, operations]) => {
    const reason = breachOf(operations)
    return reason === undefined ? [] : [{ session, reason }]
  })
}

/** @param {Operation[]} operations of one session @returns {string | undefined} */
function breachOf(operations) {
  /** @type {Map<number, { write: Operation | undefined, reads: Operation[] }>} */
  const values = new Map()
  for (const operation of operations) {
    const of = values.get(operation.value) ?? { write: undefined, reads: [] }
    values.set(operation.value, of)
    if (operation.kind === 'read') of.reads.push(operation)
    else if (of.write) throw new Error(`the value ${operation.value} is written twice`)
    else of.write = operation
  }
  /** @type {Zone[]} */
  const zones = []
  for (const [value, { write, reads }] of values) {
    if (!write) return `${value} was read and never written`
    if (reads.some(({ end }) => end < write.begin)) return `${value} was read before its write`
    // Nobody saw it, and nobody was told that it is there.
    if (reads.length === 0 && write.end === Infinity) continue
    zones.push(zoneOf(value, [write, ...reads]))
  }
  return clash(zones)
}

/** @param {number} value @param {Operation[]} operations @returns {Zone} */
function zoneOf(value, operations) {
  const firstEnd = Math.min(...operations.map(({ end }) => end))
  const lastBegin = Math.max(...operations.map(({ begin }) => begin))
  const isForward = firstEnd < lastBegin
  const [begin, end] = isForward ? [firstEnd, lastBegin] : [lastBegin, firstEnd]
  return { value, begin, end, isForward }
}

/** @param {Zone[]} zones @returns {string | undefined} */
function clash(zones) {
  zones.sort((a, b) => a.begin - b.begin)
  /** The forward zone that reaches furthest so far. @type {Zone | undefined} */
  let forward
  for (const zone of zones) {
    if (forward && zone.isForward && zone.begin < forward.end)
      return `${zone.value} was there while ${forward.value} was`
    if (forward && !zone.isForward && zone.begin > forward.begin && zone.end < forward.end)
      return `${zone.value} was written and lost while ${forward.value} was there`
    if (zone.isForward && zone.end > (forward?.end ?? -Infinity)) forward = zone
  }
  return undefined
}
