/** What the soak does to Redis and to the way there; each ends by itself and loses no data. */
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../../../tools/redis/ask.mjs'
import { processOf } from '../../../tools/redis/process.mjs'
import { damage, pick } from '../dice.js'

/**
 * @typedef {object} Place
 * @property {number} port of Redis
 * @property {import('../proxy.js').Proxy} proxy between Redis and one of the apps
 * @property {import('../dice.js').Dice} dice
 *
 * @typedef {{ name: string, strike: (place: Place) => Promise<unknown> }} Trouble
 */

const SECONDS = 5

const LINES = /** @type {const} */ ([
  '-LOADING Redis is loading the dataset in memory',
  '-TRYAGAIN Multiple keys request during rehashing of slot',
  '-CLUSTERDOWN The cluster is down',
  '-BUSY Redis is busy running a script',
  "-READONLY You can't write against a read only replica.",
  '-NOSCRIPT No matching script',
])

const SESSION_WORK = /^(GET|MGET|EVALSHA|EVAL)$/

/** @type {readonly [Trouble, ...Trouble[]]} */
export const troubles = [
  {
    name: 'Redis hangs',
    async strike({ port }) {
      const id = await processOf(port)
      process.kill(id, 'SIGSTOP')
      await pause(SECONDS * 1000).finally(() => process.kill(id, 'SIGCONT'))
    },
  },
  { name: 'scripts forgotten', strike: ({ port }) => ask(port, 'SCRIPT', 'FLUSH') },
  { name: 'clients killed', strike: ({ port }) => ask(port, 'CLIENT', 'KILL', 'TYPE', 'normal') },
  {
    name: 'memory full',
    strike: ({ port }) => setFor(port, ['maxmemory', '1'], ['maxmemory', '0']),
  },
  {
    name: 'a replica for a while',
    async strike({ port }) {
      await ask(port, 'REPLICAOF', '127.0.0.1', '1')
      await pause(SECONDS * 1000)
      await ask(port, 'REPLICAOF', 'NO', 'ONE')
    },
  },
  {
    name: 'a link that swallows everything',
    async strike({ proxy }) {
      proxy.blackhole(true)
      await pause(SECONDS * 1000)
      proxy.blackhole(false)
    },
  },
  { name: 'a link that breaks', strike: async ({ proxy }) => proxy.resetAll() },
  {
    name: 'slow replies',
    strike: ({ proxy, dice }) =>
      meetFor(proxy, () =>
        dice() < 0.2 ? { kind: 'delay', milliseconds: dice() * 400 } : undefined,
      ),
  },
  {
    name: 'lost replies',
    strike: ({ proxy, dice }) =>
      meetFor(proxy, () => (dice() < 0.02 ? { kind: 'lose-reply' } : undefined)),
  },
  {
    name: 'half-closed connections',
    strike: ({ proxy, dice }) =>
      meetFor(proxy, () => (dice() < 0.01 ? { kind: 'half-close' } : undefined)),
  },
  {
    name: 'errors instead of replies',
    strike: ({ proxy, dice }) => {
      const line = pick(dice, LINES)
      return meetFor(proxy, () => (dice() < 0.3 ? { kind: 'reply', line } : undefined))
    },
  },
  {
    // Of scripts only: what a document looks like with other bytes in it is no matter of the store.
    name: 'damaged replies to scripts',
    async strike({ proxy, dice }) {
      await meetFor(proxy, (name) =>
        name === 'EVALSHA' && dice() < 0.02 ? { kind: 'corrupt', how: damage(dice) } : undefined,
      )
      // A damaged length makes a client wait for the rest for ever.
      proxy.resetAll()
    },
  },
]

/**
 * @param {import('../proxy.js').Proxy} proxy
 * @param {(name: string) => import('../proxy.js').Fault | undefined} decide for the commands of sessions
 */
async function meetFor(proxy, decide) {
  proxy.meet(({ name }) => (SESSION_WORK.test(name) ? decide(name) : undefined))
  await pause(SECONDS * 1000)
  proxy.pass()
}

/** @param {number} port @param {string[]} setting @param {string[]} normal */
async function setFor(port, setting, normal) {
  await ask(port, 'CONFIG', 'SET', ...setting)
  await pause(SECONDS * 1000)
  await ask(port, 'CONFIG', 'SET', ...normal)
}
