/**
 * One library while the master of its Redis changes: when its visitors are served again, how long each of
 * them waited, and which acknowledged writes are gone. Each write goes to a session of its own, so that
 * none hides the loss of another.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { admit, inParallel } from './admit.js'
import { startContestant } from './contestant.js'
import { createLoad } from './load.js'
import { begunBetween, slowest, steadyAfter } from './verdict.js'

/**
 * @typedef {object} Failover
 * @property {string} library
 * @property {import('../app/connect.js').Address} address
 * @property {number} rate writes a second
 * @property {number} seconds of load after it has begun
 * @property {() => Promise<number | void>} begin gives the seconds that Redis itself took, where it waits for that
 *
 * @typedef {Awaited<ReturnType<typeof failover>>} Result
 */

const BEFORE = 2
/** Milliseconds for reading back what was written. */
const READING = 20_000

/** @param {Failover} options */
export async function failover({ library, address, rate, seconds, begin }) {
  const app = await startContestant({ library, address })
  try {
    const load = createLoad(app.port)
    const users = library === 'handstamp' ? seconds * 10 : 0
    const guests = await admit(load, users + Math.ceil((BEFORE + seconds + 1) * rate))
    const revoking = await signedIn(load, guests.splice(0, users))
    let value = 0
    load.start(rate, () => {
      const guest = guests[value % guests.length]
      return { path: `/write?n=${++value}`, cookie: guest?.cookie ?? '', kind: 'write', value }
    })
    await pause(BEFORE * 1000)
    const begun = performance.now()
    const revocations = revokeSteadily(load, revoking)
    const redisTook = (await begin()) ?? NaN
    await pause(begun + seconds * 1000 - performance.now())
    // A failover replicates again after a while.
    const records = [...(await load.stop(20_000))]
    const revoked = await revocations
    const after = createLoad(app.port)
    // Some libraries never answer again.
    const limit = setTimeout(() => void after.stop(0), READING)
    const written = records.filter(
      ({ kind, status, value: n }) => kind === 'write' && status === 200 && n !== 0,
    )
    const kept = await inParallel(written, async ({ cookie, value: n }) => {
      const { body } = await after.send({ path: '/read', cookie: cookie ?? '' })
      // Where it took longer than planned the first guests have written once more.
      return body?.n >= (n ?? 0)
    })
    const back = await inParallel(revoked, async ({ cookie }) => {
      const { body } = await after.send({ path: '/read', cookie: cookie ?? '' })
      return body?.n === 0
    })
    clearTimeout(limit)
    await after.stop(0)
    const since = begunBetween(records, begun, Infinity)
    const failed = since.filter(({ status }) => status !== 200)
    return {
      redisTook,
      steady: steadyAfter(
        records.filter(({ kind }) => kind === 'write'),
        begun,
      ),
      slowest: slowest(since),
      failed: (100 * failed.length) / since.length,
      untyped: failed.filter(({ status }) => status !== 503).length,
      lost: kept.filter((isKept) => !isKept).length,
      revocations: revoked.length,
      replicated: revoked.filter(({ body }) => body.replicated === true).length,
      revived: back.filter((isBack, at) => isBack && revoked[at]?.body.replicated === true).length,
      isAlive: app.isAlive(),
    }
  } finally {
    await app.stop()
  }
}

/** Each a user of their own. @param {import('./load.js').Load} load @param {import('./admit.js').Guest[]} guests */
function signedIn(load, guests) {
  return inParallel(guests, async ({ cookie }, at) => {
    const { setCookie } = await load.send({ path: `/sign-in?user=u${at}`, cookie })
    return setCookie ?? ''
  })
}

/**
 * Ends all sessions of a user, ten users a second; gives those that were acknowledged.
 * @param {import('./load.js').Load} load
 * @param {string[]} cookies by user
 */
async function revokeSteadily(load, cookies) {
  const asked = cookies.map(async (cookie, at) => {
    await pause(at * 100)
    return { ...(await load.send({ path: `/revoke?user=u${at}` })), of: cookie }
  })
  const answers = await Promise.all(asked)
  return answers
    .filter(({ status }) => status === 200)
    .map(({ of, body }) => ({ cookie: of, body }))
}
