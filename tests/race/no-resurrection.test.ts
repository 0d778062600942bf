import { describe, expect, test } from 'vitest'
import { engines, inBatches } from '../support/engines.ts'
import { Visitor } from '../support/visitor.ts'
import type { Step } from '../support/visitor.ts'

interface Data {
  count: number
  late: string
}

/** 10,000 pairs in the quick suite; LONG=1 runs the long one. */
const PAIRS = process.env['LONG'] ? 100_000 : 10_000

describe('no resurrection', () => {
  test(`a save that races a logout never brings the session back: ${PAIRS} pairs`, async () => {
    const [here, there] = engines<Data>(2)
    let alive = 0
    let dropped = 0
    for (const server of [here, there]) server!.events.on('dropped', () => void dropped++)
    await inBatches(PAIRS, 200, async (at) => {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.count = at))
      const writer = await visitor.request(here)
      const leaver = await visitor.request(there)
      writer.session.late = 'late'
      // A third of the saves come after the logout is acknowledged, the others run beside it.
      if (at % 3 === 0) {
        await leaver.session.destroy()
        await writer.settle()
      } else if (at % 3 === 1) await Promise.all([writer.settle(), leaver.session.destroy()])
      else await Promise.all([leaver.session.destroy(), writer.settle()])
      writer.arrive()
      if ((await visitor.visit((session) => session.count)) !== undefined) alive++
    })
    expect(alive).toBe(0)
    expect(dropped).toBeGreaterThanOrEqual(Math.floor(PAIRS / 3))
  })

  const lateVerbs: [string, (step: Step<Data>) => Promise<unknown>][] = [
    ['assignment at the end of the request', (step) => ((step.session.late = 'x'), step.settle())],
    ['save()', (step) => ((step.session.late = 'x'), step.session.save())],
    ['touch()', (step) => step.session.touch()],
    ['increment()', (step) => step.session.increment('count')],
    ['update()', (step) => step.session.update('count', () => 9)],
    ['take()', (step) => step.session.take('count')],
    ['reload()', (step) => step.session.reload()],
    [
      'regenerate()',
      async (step) => {
        await step.session.regenerate({ keepData: true })
        await step.session.save()
      },
    ],
  ]

  test.each(lateVerbs)(
    'after a logout, %s of a slower request leaves it ended',
    async (_, verb) => {
      const [here, there] = engines<Data>(2)
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.count = 1))
      const { cookie } = visitor
      const slow = await visitor.request(here)
      await visitor.visit((session) => session.destroy(), there)
      const outcome = await verb(slow).then(
        () => 'done',
        (error: { code: string }) => error.code,
      )
      // Whoever awaits hears of it; a change at the end of the request is dropped with an event.
      expect(outcome).toBe(_.startsWith('assignment') ? 'done' : 'ERR_SESSION_GONE')
      slow.arrive()
      expect(visitor.cookie).toBeUndefined()
      const replay = await new Visitor(here!, cookie).request()
      expect({ ...replay.session }).toEqual({})
    },
  )

  test('a logout by assigning null is as final', async () => {
    const [here, there] = engines<Data>(2)
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.count = 1))
    const { cookie } = visitor
    const slow = await visitor.request(here)
    const leaver = await visitor.request(there)
    leaver.assign(null)
    await leaver.settle()
    leaver.arrive()
    slow.session.late = 'late'
    await slow.settle()
    slow.arrive()
    expect(visitor.cookie).toBeUndefined()
    const replay = await new Visitor(here!, cookie).request()
    expect({ ...replay.session }).toEqual({})
  })
})
