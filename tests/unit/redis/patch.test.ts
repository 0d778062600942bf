import { expect, test } from 'vitest'
import type { Handle } from '../../../src/core/id.ts'
import type { Driver } from '../../../src/redis/driver.ts'
import { updating } from '../../../src/redis/patch.ts'

const patch = {
  now: 1,
  revision: 'aaaaaa',
  onConflict: 'refuse',
  maxBytes: 100,
  owner: undefined,
  changes: [],
} as const
const handle = `AAA${'b'.repeat(22)}` as Handle

/** Asks for so many changes at once of a server that answers each script like this. */
function updateAll(count: number, answer: (script: number, sessions: number) => unknown) {
  let scripts = 0
  const send = async (_key: string, _isReadonly: boolean, [, , keys]: readonly string[]) =>
    answer(++scripts, Number(keys))
  const update = updating('hs:', { send, isCluster: false } as unknown as Driver)
  return Promise.allSettled(Array.from({ length: count }, () => update({ handle, patch })))
}

test('a script that fails takes only its own changes with it', async () => {
  const outcomes = await updateAll(40, (script, sessions) => {
    if (script === 2) throw new Error('ERR no')
    return Array.from({ length: sessions }, () => ['updated'])
  })
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(32)
})

test.each([['QUEUED'], [[]], [[['updated']]], [null], [[['updated'], 'QUEUED']]])(
  'a reply that is none (%j) is a failure of the changes it is missing for',
  async (reply) => {
    const outcomes = await updateAll(2, () => reply)
    const isPart = Array.isArray(reply) && reply.length === 2
    expect(outcomes.map(({ status }) => status)).toEqual([
      isPart ? 'fulfilled' : 'rejected',
      'rejected',
    ])
  },
)

test('large sessions travel in fewer at a time: Redis does nothing else meanwhile', async () => {
  const sizes: number[] = []
  const send = async (_key: string, _isReadonly: boolean, [, , keys]: readonly string[]) => {
    sizes.push(Number(keys))
    return Array.from({ length: Number(keys) }, () => ['updated'])
  }
  const update = updating('hs:', { send, isCluster: false } as unknown as Driver)
  const of = (size: number) => update({ handle, patch: { ...patch, size } })
  await Promise.all([of(20_000), of(10_000), of(10_000), of(40_000), of(10), of(10)])
  expect(sizes).toEqual([2, 1, 1, 2])
  sizes.length = 0
  const to = 'x'.repeat(20_000)
  const changed = { ...patch, changes: [{ name: '"a"', from: '', to }] }
  await Promise.all([1, 2].map(() => update({ handle, patch: changed })))
  expect(sizes).toEqual([1, 1])
})
