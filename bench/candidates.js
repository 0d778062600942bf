/** Who is measured: one line each. */

/**
 * A candidate without `session` is the bare framework, against which the others are held.
 * @typedef {object} Candidate
 * @property {string} name
 * @property {'koa' | 'express' | 'express4'} framework
 * @property {string} [session] the file in mounts/ that mounts it
 * @property {'ioredis' | 'node-redis'} [client] whose connection it is given
 * @property {object} [clientOptions] of that connection, besides the address
 * @property {object} [options] of the session library
 * @property {string} [absent] why it cannot be measured
 */

const batched = { enableAutoPipelining: true }

/** @type {readonly Candidate[]} */
const candidates = [
  { name: 'Koa 3', framework: 'koa' },
  { name: 'handstamp on Koa, ioredis', framework: 'koa', session: 'handstamp', client: 'ioredis' },
  {
    name: 'handstamp on Koa, ioredis with auto-pipelining',
    framework: 'koa',
    session: 'handstamp',
    client: 'ioredis',
    clientOptions: batched,
  },
  {
    name: 'handstamp on Koa, node-redis',
    framework: 'koa',
    session: 'handstamp',
    client: 'node-redis',
  },
  {
    name: 'handstamp on Koa, ioredis, near cache',
    framework: 'koa',
    session: 'handstamp',
    client: 'ioredis',
    options: { nearCache: true },
  },
  {
    name: 'handstamp on Koa, node-redis, near cache',
    framework: 'koa',
    session: 'handstamp',
    client: 'node-redis',
    options: { nearCache: true },
  },
  { name: 'koa-session, ioredis', framework: 'koa', session: 'koa-session', client: 'ioredis' },
  {
    name: 'koa-session, ioredis with auto-pipelining',
    framework: 'koa',
    session: 'koa-session',
    client: 'ioredis',
    clientOptions: batched,
  },
  { name: 'koa-generic-session, koa-redis', framework: 'koa', session: 'koa-generic-session' },
  {
    name: 'koa-redis-session-sets',
    framework: 'koa',
    absent: 'it is not in the npm registry',
  },

  { name: 'Express 5', framework: 'express' },
  {
    name: 'handstamp on Express, ioredis',
    framework: 'express',
    session: 'handstamp',
    client: 'ioredis',
  },
  {
    name: 'handstamp on Express, node-redis',
    framework: 'express',
    session: 'handstamp',
    client: 'node-redis',
  },
  {
    name: 'handstamp on Express, ioredis, near cache',
    framework: 'express',
    session: 'handstamp',
    client: 'ioredis',
    options: { nearCache: true },
  },
  {
    name: 'handstamp on Express, node-redis, near cache',
    framework: 'express',
    session: 'handstamp',
    client: 'node-redis',
    options: { nearCache: true },
  },
  {
    name: 'express-session, connect-redis',
    framework: 'express',
    session: 'express-session',
    client: 'node-redis',
  },

  { name: 'Express 4', framework: 'express4' },
  { name: 'connect-redis-sessions', framework: 'express4', session: 'connect-redis-sessions' },
]

/**
 * Those that match, and the bare frameworks beside them.
 * @param {RegExp | undefined} only
 */
export function selectCandidates(only) {
  const chosen = candidates.filter(({ name }) => only === undefined || only.test(name))
  const frameworks = new Set(chosen.map(({ framework }) => framework))
  return candidates.filter(
    (candidate) =>
      chosen.includes(candidate) || (isBare(candidate) && frameworks.has(candidate.framework)),
  )
}

/** @param {Candidate} candidate */
export function isBare({ session, absent }) {
  return session === undefined && absent === undefined
}
