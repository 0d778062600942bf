/**
 * Requests at a fixed rate, whatever becomes of those before: a server that hangs does not slow its
 * visitors down, they pile up.
 */
import { Agent, request } from 'node:http'

/**
 * @typedef {object} Wish
 * @property {string} path
 * @property {string} [cookie]
 * @property {string} [session] what to call it in the history
 * @property {'read' | 'write'} [kind]
 * @property {number} [value] that is written
 *
 * @typedef {Wish & Answer & { begin: number, end: number }} Record
 *   times of `performance.now()`
 *
 * @typedef {object} Answer
 * @property {number} status 0: none, the connection broke or patience ended
 * @property {any} body parsed
 * @property {string | undefined} setCookie
 */

/** @type {Answer} */
const NONE = { status: 0, body: undefined, setCookie: undefined }

/** @typedef {ReturnType<typeof createLoad>} Load */

/** @param {number} port */
export function createLoad(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  /** @type {Record[]} */
  const records = []
  /** @type {Set<import('http').ClientRequest>} */
  const waiting = new Set()
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  let isStopped = false

  /** @param {Wish} wish @returns {Promise<Record>} */
  const send = (wish) => {
    const begin = performance.now()
    return new Promise((resolve) => {
      if (isStopped) return resolve({ ...wish, ...NONE, begin, end: begin })
      const { path, cookie } = wish
      const headers = cookie === undefined ? {} : { cookie }
      const asked = request({ port, host: '127.0.0.1', path, headers, agent })
      let isOver = false
      const end = (/** @type {Answer} */ answer) => {
        if (isOver) return
        isOver = true
        waiting.delete(asked)
        const record = { ...wish, ...answer, begin, end: performance.now() }
        records.push(record)
        resolve(record)
      }
      const none = () => end(NONE)
      waiting.add(asked)
      asked.on('error', none)
      asked.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('error', none)
        response.on('end', () =>
          end({
            status: response.statusCode ?? 0,
            body: parsed(text),
            setCookie: response.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; '),
          }),
        )
      })
      asked.end()
    })
  }

  return {
    records,
    send,
    /** @param {number} rate per second @param {() => Wish} next */
    start(rate, next) {
      const start = performance.now()
      let sent = 0
      timer = setInterval(() => {
        const due = ((performance.now() - start) / 1000) * rate
        for (; sent < due; sent++) void send(next())
      }, 2)
    },
    /** No more of them, what is sent later has no answer; those on their way get `patience` milliseconds. @param {number} patience */
    async stop(patience) {
      clearInterval(timer)
      isStopped = true
      const last = performance.now() + patience
      while (waiting.size > 0 && performance.now() < last)
        await new Promise((resolve) => setTimeout(resolve, 20))
      for (const asked of waiting) asked.destroy()
      while (waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
      agent.destroy()
      return records
    },
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
