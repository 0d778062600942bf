import { expect, test } from 'vitest'
import { HandstampError } from '../../../src/core/errors.ts'
import { faultOf } from '../../../src/redis/fault.ts'

const system = (code: string): Error => Object.assign(new Error(`read ${code}`), { code })

test.each([
  ['down', new Error('LOADING Redis is loading the dataset in memory')],
  ['down', new Error('BUSY Redis is busy running a script.')],
  [
    'down',
    new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  ],
  ['down', new Error('CLUSTERDOWN The cluster is down')],
  ['down', new HandstampError('ERR_STORE', 'The Redis client has no connection.')],
  ['passing', new Error("READONLY You can't write against a read only replica.")],
  ['passing', new Error('TRYAGAIN Multiple keys request during rehashing of slot')],
  ['passing', new Error('NOREPLICAS Not enough good replicas to write.')],
  [
    'passing',
    new Error(
      "ERR Error running script (call to f_aa): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica. ",
    ),
  ],
  ['lost', system('ECONNRESET')],
  ['lost', system('EPIPE')],
  ['lost', new Error('Connection is closed.')],
  ['lost', new Error('Socket closed unexpectedly')],
  ['lost', new Error('Command timed out')],
  // What node-redis says of a cluster whose master was killed.
  ['lost', new Error('')],
  ['refused', new Error('WRONGTYPE Operation against a key holding the wrong kind of value')],
  ['refused', new Error("OOM command not allowed when used memory > 'maxmemory'.")],
  ['refused', new Error('ERR user_script:1: Script attempted to access a non local key')],
  ['refused', new Error("NOPERM User app has no permissions to run the 'eval' command")],
  ['refused', new TypeError('Invalid argument type')],
  ['refused', new HandstampError('ERR_OPTION', 'No client is installed.')],
  ['refused', 'not an error'],
])('%s: %s', (fault, error) => {
  expect(faultOf(error)).toBe(fault)
})
