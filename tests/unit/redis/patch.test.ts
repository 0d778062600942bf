import { expect, test } from 'vitest'
import type { Handle } from '../../../src/core/id.ts'
import type { Patch } from '../../../src/core/store.ts'
import type { Driver } from '../../../src/redis/driver.ts'
import { patchArguments, updating } from '../../../src/redis/patch.ts'

const patch = {
  now: 1,
  revision: 'aaaaaa',
  onConflict: 'refuse',
  maxBytes: 100,
  owner: undefined,
  changes: [],
} as const
const handle = `AAA${'b'.repeat(22)}` as Handle

/** A store whose server gives this reply to each script, and what it was asked for. */
function talk(reply: (command: readonly string[]) => unknown, isCluster = false) {
  const commands: (readonly string[])[] = []
  const send = async (_key: string, _isReadonly: boolean, command: readonly string[]) => {
    commands.push(command)
    return reply(command)
  }
  const update = updating('hs:', { send, isCluster } as unknown as Driver)
  return {
    commands,
    update: (own: Partial<Patch> = {}) => update({ handle, patch: { ...patch, ...own } }),
  }
}

/** How many sessions a script is about. */
const sessionsOf = ([, , keys]: readonly string[]) => Number(keys)
const allUpdated = (command: readonly string[]) =>
  Array.from({ length: sessionsOf(command) }, () => ['updated'])

test('a script that fails takes only its own changes with it', async () => {
  const { commands, update } = talk((command) => {
    if (commands.length === 2) throw new Error('ERR no')
    return allUpdated(command)
  })
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => update()))
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(32)
})

test.each([['QUEUED'], [[]], [[['updated']]], [null], [[['updated'], 'QUEUED']]])(
  'a reply that is none (%j) is a failure of the changes it is missing for',
  async (reply) => {
    const { update } = talk(() => reply)
    const outcomes = await Promise.allSettled([update(), update()])
    const isPart = Array.isArray(reply) && reply.length === 2
    expect(outcomes.map(({ status }) => status)).toEqual([
      isPart ? 'fulfilled' : 'rejected',
      'rejected',
    ])
  },
)

test('large sessions travel in fewer at a time: Redis does nothing else meanwhile', async () => {
  const sizesOf = async (...patches: readonly Partial<Patch>[]) => {
    const { commands, update } = talk(allUpdated)
    await Promise.all(patches.map(update))
    return commands.map(sessionsOf)
  }
  const of = (size: number) => ({ size })
  expect(await sizesOf(of(20_000), of(10_000), of(10_000), of(40_000), of(10), of(10))).toEqual([
    2, 1, 1, 2,
  ])
  expect(await sizesOf(of(32_000), of(768))).toEqual([2])
  expect(await sizesOf(of(32_000), of(769))).toEqual([1, 1])
  const [name, long] = ['"a"', 'x'.repeat(20_000)]
  const [added, removed] = [
    { changes: [{ name, from: '', to: long }] },
    { changes: [{ name, from: long, to: '' }] },
  ]
  expect(await sizesOf(added, removed)).toEqual([1, 1])
})

test('what a patch says, in the order that the script reads', () => {
  const changes = [
    { name: '"a"', from: '1', to: '2' },
    { name: '"b"', from: '', to: '3' },
  ]
  const fields = ['"a"', '1', '2', '"b"', '', '3']
  const limits = { idleTimeout: 5, absoluteDeadline: 9 }
  expect(patchArguments(patch)).toEqual(['1', 'aaaaaa', 'refuse', '100', '', '', ''])
  expect(patchArguments({ ...patch, changes, lifetime: { ...limits, persistent: false } })).toEqual(
    ['1', 'aaaaaa', 'refuse', '100', '5', '9', '', ...fields],
  )
  expect(patchArguments({ ...patch, lifetime: { ...limits, persistent: true } })).toEqual([
    '1',
    'aaaaaa',
    'refuse',
    '100',
    '5',
    '9',
    ',{"persistent":true}',
  ])
})

const own = ['1', `hs:{AAA}:${'b'.repeat(22)}`, '1', '7', ...patchArguments(patch)]

test.each([false, true])('what becomes of a patch (on a Cluster: %j)', async (isCluster) => {
  const outcomeOf = async (reply: unknown) => {
    const { commands, update } = talk(() => [reply], isCluster)
    const outcome = await update()
    expect(commands.map(([verb, , ...rest]) => [verb, ...rest])).toEqual([['EVALSHA', ...own]])
    return outcome
  }
  expect(await outcomeOf(['updated'])).toEqual({ kind: 'updated', conflicts: [] })
  expect(await outcomeOf(['updated', '"a"', '"b"'])).toEqual({
    kind: 'updated',
    conflicts: ['"a"', '"b"'],
  })
  expect(await outcomeOf(['conflict', '{}'])).toEqual({ kind: 'conflict', document: '{}' })
  expect(await outcomeOf(['conflict'])).toEqual({ kind: 'conflict', document: '' })
  expect(await outcomeOf(['too-large'])).toEqual({ kind: 'too-large' })
  expect(await outcomeOf(['gone'])).toEqual({ kind: 'gone' })
  await expect(outcomeOf(['failed', 'OOM no memory'])).rejects.toThrow(/^OOM no memory$/)
  await expect(outcomeOf('failed')).rejects.toThrow(/something else than expected/)
})

test('a server that wants one slot per script gets each patch by itself, from then on', async () => {
  const { commands, update } = talk((command) => {
    if (command[2] !== '1') throw new Error("CROSSSLOT Keys in request don't hash to the same slot")
    return [['updated']]
  })
  const both = () => Promise.all([update(), update()])
  expect(await both()).toEqual([
    { kind: 'updated', conflicts: [] },
    { kind: 'updated', conflicts: [] },
  ])
  await both()
  expect(commands.map((command) => command[2])).toEqual(['2', '1', '1', '1', '1'])
})

test('what fails by itself afterwards is a failure of that patch alone', async () => {
  let alone = 0
  const { update } = talk((command) => {
    if (command[2] !== '1') throw new Error('CROSSSLOT no')
    return [++alone === 1 ? ['failed', 'OOM no memory'] : ['updated']]
  })
  const outcomes = await Promise.allSettled([update(), update()])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})
