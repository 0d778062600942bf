/**
 * Where a frame of RESP 2 or 3 ends, and what a command says. Parsers give values; a proxy has to pass
 * bytes on as they came, so it needs the boundaries only.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
const LINE_END = '\r\n'

/** How many values follow the number in the head of an aggregate. @type {Record<string, (count: number) => number>} */
const AGGREGATES = {
  '*': (count) => count,
  '~': (count) => count,
  '>': (count) => count,
  '%': (count) => 2 * count,
  // Attributes stand in front of the value they belong to.
  '|': (count) => 2 * count + 1,
}

const BULKS = new Set(['$', '=', '!'])

/**
 * The whole frames at the front of `bytes`, and what is left of them.
 * @param {Buffer} bytes
 * @returns {{ frames: Buffer[], rest: Buffer }}
 */
export function framesOf(bytes) {
  /** @type {Buffer[]} */
  const frames = []
  let start = 0
  for (let end; (end = frameEnd(bytes, start)) !== undefined; start = end)
    frames.push(bytes.subarray(start, end))
  return { frames, rest: bytes.subarray(start) }
}

/**
 * The words of a command, its name in upper case.
 * @param {Buffer} frame
 * @returns {[name: string, ...args: string[]]}
 */
export function commandOf(frame) {
  /** @type {string[]} */
  const words = []
  let at = lineEnd(frame, 0) ?? frame.length
  // Not the array of bulk strings that clients send, but a line that somebody typed.
  if (frame[0] !== 0x2a) words.push(...frame.toString('latin1', 0, at).trim().split(' '))
  else
    while (at < frame.length) {
      const text = lineEnd(frame, at) ?? frame.length
      const end = text + Number(frame.toString('latin1', at + 1, text - 2))
      words.push(frame.toString('utf8', text, end))
      at = end + 2
    }
  const [name = '', ...args] = words
  return [name.toUpperCase(), ...args]
}

/** Whether it is a message that nobody asked for, as RESP 3 marks them. @param {Buffer} frame */
export function isPush(frame) {
  return frame[0] === 0x3e
}

/** @param {Buffer} bytes @param {number} start @returns {number | undefined} */
function frameEnd(bytes, start) {
  const head = lineEnd(bytes, start)
  if (head === undefined) return undefined
  const type = String.fromCharCode(bytes[start] ?? 0)
  const count = Number(bytes.toString('latin1', start + 1, head - 2))
  if (BULKS.has(type)) {
    const end = count < 0 ? head : head + count + 2
    return end <= bytes.length ? end : undefined
  }
  const values = AGGREGATES[type]?.(count) ?? 0
  /** @type {number | undefined} */
  let end = head
  for (let value = 0; value < values && end !== undefined; value++) end = frameEnd(bytes, end)
  return end
}

/** @param {Buffer} bytes @param {number} start @returns {number | undefined} */
function lineEnd(bytes, start) {
  const at = bytes.indexOf(LINE_END, start, 'latin1')
  return at < 0 ? undefined : at + 2
}
