/** Two app servers whose clocks differ by ten minutes share sessions with an idle limit of 30 minutes. */
import { createSessions } from 'handstamp'
import { memoryStore } from 'handstamp/memory'
import { atMost } from '../figure.js'

const MINUTE = 60_000
const IDLE = 30
const APART = 10

/** @type {import('../figure.js').Scenario} */
export const clocks = {
  name: 'clocks',
  title: `Clocks of app servers ${APART / 2} min fast and ${APART / 2} min slow, idle limit ${IDLE} min`,
  async run() {
    let time = Date.UTC(2026, 0, 1)
    // Redis would drop the key by a clock of its own; here only the servers judge.
    const store = memoryStore({ clock: { now: () => Date.UTC(2026, 0, 1) } })
    const [fast, slow] = [APART / 2, -APART / 2].map((offset) =>
      createSessions({
        store,
        idleTimeout: IDLE * MINUTE,
        clock: { now: () => time + offset * MINUTE },
      }),
    )
    let early = 0
    let late = 0
    for (const [writer, reader] of [
      [fast, slow],
      [slow, fast],
    ])
      for (let age = 0; age <= 2 * IDLE; age += 0.5) {
        const start = time
        const cookie = await visit(writer, (session) => void (session.n = 1))
        time += age * MINUTE
        let isLive = false
        await visit(reader, (session) => void (isLive = session.n === 1), cookie)
        time = start
        if (!isLive) early = Math.max(early, IDLE - age)
        else late = Math.max(late, age - IDLE)
      }
    return [
      atMost('ended before its limit by', APART, 'min', { handstamp: early }),
      atMost('lived past its limit by', APART, 'min', { handstamp: late }),
    ]
  },
}

/**
 * @param {any} sessions
 * @param {(session: any) => void} handler
 * @param {string} [cookie]
 * @returns {Promise<string>}
 */
async function visit(sessions, handler, cookie) {
  const header = (/** @type {string} */ name) => (name === 'cookie' ? cookie : undefined)
  const request = sessions.begin({ header, path: '/', secure: false, source: {} })
  await request.open()
  handler(request.session)
  await request.settle()
  const [, line = ''] =
    request.headerLines().find((/** @type {string[]} */ [name]) => name === 'Set-Cookie') ?? []
  return line.split(';')[0]
}
