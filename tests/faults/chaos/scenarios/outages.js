/** One Redis, that hangs or is gone. */
import { slowestAnswer, staysAlive } from '../common.js'
import { atMost, compare, each } from '../figure.js'
import { outage } from '../outage.js'

/** @type {import('../figure.js').Scenario} */
export const stopped = {
  name: 'stopped',
  title: 'Redis hangs for 20 s (SIGSTOP), 100 requests/s',
  async run(chaos) {
    const seconds = chaos.choose(20, 5)
    const results = await compare(chaos.libraries, (library) => {
      chaos.progress(library)
      return outage({ library, signal: 'SIGSTOP', rate: 100, seconds })
    })
    return [
      slowestAnswer(results),
      atMost(
        'most requests in flight',
        50,
        '',
        each(results, (it) => it.inFlight),
      ),
      atMost(
        'growth of the heap',
        10,
        'MB',
        each(results, (it) => it.growth),
      ),
      atMost(
        'normal again after SIGCONT',
        1,
        's',
        each(results, (it) => it.steady),
      ),
      atMost(
        'breaches of the history',
        0,
        '',
        each(results, (it) => it.violations),
      ),
      ...always(results),
    ]
  },
}

/** @type {import('../figure.js').Scenario} */
export const killed = {
  name: 'killed',
  title: 'Redis is gone for 60 s (SIGKILL), 200 requests/s',
  async run(chaos) {
    const seconds = chaos.choose(60, 8)
    const results = await compare(chaos.libraries, (library) => {
      chaos.progress(library)
      return outage({ library, signal: 'SIGKILL', rate: 200, seconds })
    })
    return [
      slowestAnswer(results),
      atMost(
        '99 of 100 answers after 2 s',
        5,
        'ms',
        each(results, (it) => it.refused),
      ),
      atMost(
        'growth of the heap',
        15,
        'MB',
        each(results, (it) => it.growth),
      ),
      atMost(
        'normal again after PING answers',
        1,
        's',
        each(results, (it) => it.steady),
      ),
      ...always(results),
    ]
  },
}

/** @param {Record<string, import('../outage.js').Result>} results */
function always(results) {
  return [
    atMost(
      'cookies set or cleared meanwhile',
      0,
      '',
      each(results, (it) => it.cookies),
    ),
    atMost(
      'visitors without a cookie not served',
      0,
      '',
      each(results, (it) => it.strangersFailed),
    ),
    atMost(
      'commands they caused',
      0,
      '',
      each(results, (it) => it.strangersCalls),
    ),
    staysAlive(results),
  ]
}
