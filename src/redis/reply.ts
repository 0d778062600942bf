/**
 * What a script said, or an error where that is none of its replies: from a connection within MULTI
 * (`QUEUED`), a proxy or a foreign script nothing is concluded, least of all that a session has ended.
 */

/** The reply as `[outcome, …more]`, where it begins with one of these. */
export function outcomeIn<Outcome extends string>(
  reply: unknown,
  ...outcomes: readonly Outcome[]
): readonly [Outcome, ...string[]] {
  const [first, ...more]: unknown[] = Array.isArray(reply) ? reply : [reply]
  const outcome = outcomes.find((known) => known === first)
  if (outcome === undefined || !more.every((part) => typeof part === 'string'))
    throw foreignReply(outcomes.join(', '))
  return [outcome, ...more]
}

/** The reply as `[count, …texts]`. */
export function countedIn(reply: unknown): readonly [number, ...string[]] {
  const [first, ...texts]: unknown[] = Array.isArray(reply) ? reply : [reply]
  const count = countOf(first)
  if (count === undefined || !texts.every((text) => typeof text === 'string'))
    throw foreignReply('a count')
  return [count, ...texts]
}

/** The reply as two counts. */
export function countsIn(reply: unknown): readonly [number, number] {
  const [first, second] = (Array.isArray(reply) ? reply : []).map(countOf)
  if (first === undefined || second === undefined) throw foreignReply('two counts')
  return [first, second]
}

/** The reply as a list with a reply for each of so many things that were asked for. */
export function repliesIn(reply: unknown, count: number): readonly unknown[] {
  if (!Array.isArray(reply) || reply.length !== count) throw foreignReply(`${count} replies`)
  return reply
}

/** What Redis says within MULTI instead of a reply; no document, and no value of ours, is this. */
const QUEUED = 'QUEUED'

/** A text, or null where there is none. */
export function textIn(reply: unknown): string | null {
  if (reply === QUEUED) throw foreignReply('a text')
  if (typeof reply === 'string' || reply === null) return reply
  throw foreignReply('a text')
}

/** A number, which scripts and RESP2 give as text; null where there is none. */
export function numberIn(reply: unknown): number | null {
  if (reply === null) return null
  const number = typeof reply === 'string' && reply !== '' ? Number(reply) : reply
  if (typeof number !== 'number' || Number.isNaN(number)) throw foreignReply('a number')
  return number
}

/** Members of a sorted set with their scores: RESP3 pairs them, RESP2 lists them in turn. */
export function scoredIn(reply: unknown): { member: string; score: number }[] {
  if (!Array.isArray(reply)) throw foreignReply('members with scores')
  const flat: unknown[] = reply.flat()
  return Array.from({ length: Math.ceil(flat.length / 2) }, (_, at) => {
    const [member, score] = [textIn(flat[2 * at]), numberIn(flat[2 * at + 1])]
    if (member === null || score === null) throw foreignReply('members with scores')
    return { member, score }
  })
}

/** A client may hand over numbers as texts (`stringNumbers` of ioredis). */
function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

/** The reply itself may hold a session's data, so it stays out of the message. */
export function foreignReply(expected: string): Error {
  return new TypeError(
    `Redis replied something else than expected (${expected}). Does the client send within MULTI, ` +
      'or does a proxy stand before Redis?',
  )
}
