/** Visitors, each with a session of its own, made through the candidate itself. */
import { profile } from './profile.js'

const ATONCE = 20

/**
 * The cookies of so many new sessions; throws where the candidate does not keep them.
 * @param {number} port
 * @param {number} count
 * @param {boolean} isBare it has no sessions: the cookies are invented
 */
export async function admit(port, count, isBare) {
  if (isBare) return Array.from({ length: count }, (_, at) => invented(at))
  /** @type {string[]} */
  const cookies = []
  while (cookies.length < count) {
    const batch = Math.min(ATONCE, count - cookies.length)
    cookies.push(...(await Promise.all(Array.from({ length: batch }, () => enter(port)))))
  }
  await test(port, cookies[0] ?? '')
  return cookies
}

/** As long as a cookie of handstamp. @param {number} at */
function invented(at) {
  return `__Host-sid=${String(at).padStart(43, 'x')}`
}

/** @param {number} port */
async function enter(port) {
  const response = await fetch(`http://127.0.0.1:${port}/fill`)
  const lines = response.headers.getSetCookie()
  if (response.status !== 200 || lines.length === 0)
    throw new Error(`no session was made: ${response.status} ${await response.text()}`)
  await response.text()
  return lines.map((line) => line.split(';', 1)[0]).join('; ')
}

/** Whether what is measured is a session at all. @param {number} port @param {string} cookie */
async function test(port, cookie) {
  const ask = async (
    /** @type {string} */ path,
    /** @type {Record<string, string>} */ headers = {},
  ) => (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text()
  const seen = [
    await ask('/read', { cookie }),
    await ask('/write', { cookie }),
    await ask('/write', { cookie }),
    await ask('/read'),
  ]
  const expected = [profile.name, '1', '2', 'nobody']
  if (seen.join() !== expected.join())
    throw new Error(`the sessions do not work: ${seen.join()} instead of ${expected.join()}`)
}
