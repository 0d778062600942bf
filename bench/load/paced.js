/**
 * Latency at a fixed rate, requests evenly spread. wrk knows no rate, and autocannon sends those of a
 * second all at once at its start, which measures a queue.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

const OK = 'HTTP/1.1 200 '

/**
 * @typedef {object} Latency milliseconds
 * @property {number} p50
 * @property {number} p99
 */

/**
 * @param {import('./load.js').Wish & { rate: number }} wish
 * @returns {Promise<Latency>}
 */
export async function paced({ port, requests, connections, seconds, rate }) {
  const texts = requests.map(textOf)
  /** @type {number[]} */
  const times = []
  /** @type {((text: string, due: number) => void)[]} */
  const idle = []
  /** @type {Error | undefined} */
  let failure
  const fail = (/** @type {Error} */ error) => {
    failure ??= error
  }
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  for (const socket of sockets) {
    let start = 0
    let answer = ''
    const send = (/** @type {string} */ text, /** @type {number} */ due) => {
      start = due
      answer = ''
      socket.write(text)
    }
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (!answer.startsWith(OK)) fail(new Error(answer))
      if (!isComplete(answer)) return
      times.push(performance.now() - start)
      idle.push(send)
    })
    socket.on('error', fail)
    idle.push(send)
  }
  await pace(rate, seconds, (at, due) => {
    const send = idle.shift()
    send?.(texts[at % texts.length] ?? '', due)
    return send !== undefined
  })
  for (const socket of sockets) socket.destroy()
  if (failure) throw failure
  times.sort((a, b) => a - b)
  return {
    p50: times[times.length >> 1] ?? NaN,
    p99: times[Math.floor(times.length * 0.99)] ?? NaN,
  }
}

/**
 * Calls `send` at the rate. What finds no free connection waits for one, and its time counts.
 * @param {number} rate
 * @param {number} seconds
 * @param {(at: number, due: number) => boolean} send
 */
async function pace(rate, seconds, send) {
  const start = performance.now()
  /** @type {number[]} */
  const waiting = []
  for (let made = 0, sent = 0; ; await new Promise((resolve) => setTimeout(resolve, 1))) {
    const now = performance.now()
    for (; made < ((now - start) / 1000) * rate; made++) waiting.push(now)
    while (waiting.length > 0 && send(sent, waiting[0] ?? now)) {
      waiting.shift()
      sent++
    }
    if (now - start > seconds * 1000) return
  }
}

/** express-session keeps the last byte back until the session is saved. @param {string} answer */
function isComplete(answer) {
  const head = answer.indexOf('\r\n\r\n')
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1])
  return head >= 0 && answer.length >= head + 4 + length
}

/** @param {number} port */
async function open(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** @param {import('../workloads.js').Request} request */
function textOf({ path, cookie }) {
  const line = cookie === undefined ? '' : `Cookie: ${cookie}\r\n`
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${line}\r\n`
}
