import { describe, expect, test } from 'vitest'
import type { Session } from '../../src/index.ts'
import { engines } from '../support/engines.ts'
import { Visitor } from '../support/visitor.ts'
import type { Step } from '../support/visitor.ts'

interface Data {
  user: string
  seen: number
  beacon: string
}

/** All orders of a few things. */
function orders<Item>(items: readonly Item[]): Item[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, at) => {
    const rest = [...items.slice(0, at), ...items.slice(at + 1)]
    return orders(rest).map((order) => [item, ...order])
  })
}

describe('a late response never harms a newer cookie', () => {
  test.each<[verb: string, change: (session: Session<Data>) => Promise<void>]>([
    ['regenerate', (session) => session.regenerate()],
    ['regenerate with its data', (session) => session.regenerate({ keepData: true })],
    ['signIn', (session) => session.signIn('ann')],
  ])(
    '%s and 5 slower requests on the old id: in all 720 orders of arrival the jar ends with the new, live id',
    async (_, change) => {
      const [server] = engines<Data>(1)
      let wrong = 0
      for (const order of orders([0, 1, 2, 3, 4, 5])) {
        const visitor = new Visitor(server!)
        await visitor.visit((session) => void (session.seen = 1))
        const old = new Visitor(server!, visitor.cookie)
        const signIn = await visitor.request()
        const reader = await old.request()
        const writer = await old.request()
        await change(signIn.session)
        signIn.session.user = 'ann'
        writer.session.beacon = 'written before'
        await signIn.settle()
        // These three start when the old id is dead already.
        const lateReader = await old.request()
        const lateWriter = await old.request()
        const lateLeaver = await old.request()
        lateWriter.session.beacon = 'written after'
        lateLeaver.assign(null)
        const slow: Step<Data>[] = [signIn, reader, writer, lateReader, lateWriter, lateLeaver]
        await Promise.all(slow.slice(1).map((step) => step.settle()))
        const responses = slow.map((step) => step.leave())
        for (const at of order) signIn.arrive(responses[at])
        if ((await visitor.visit(({ user }) => user)) !== 'ann') wrong++
      }
      expect(wrong).toBe(0)
    },
  )

  test('a logout and slower requests: none of them brings a cookie back', async () => {
    const [server] = engines<Data>(1)
    for (const order of orders([0, 1, 2])) {
      const visitor = new Visitor(server!)
      await visitor.visit((session) => void (session.user = 'ann'))
      const old = new Visitor(server!, visitor.cookie)
      const leaver = await visitor.request()
      const writer = await old.request()
      writer.session.seen = 2
      await leaver.session.destroy()
      const lateWriter = await old.request()
      lateWriter.session.seen = 3
      const steps = [leaver, writer, lateWriter]
      await Promise.all(steps.map((step) => step.settle()))
      const responses = steps.map((step) => step.leave())
      for (const at of order) leaver.arrive(responses[at])
      expect(visitor.cookie).toBeUndefined()
    }
  })

  test('parallel requests of a visitor whose session has expired: the one new session stays', async () => {
    const [server] = engines<Data>(1)
    const visitor = new Visitor(server!)
    await visitor.visit((session) => void (session.seen = 1))
    const stale = `${visitor.cookie?.slice(0, -4)}AAAA`
    for (const order of orders([0, 1, 2])) {
      const returning = new Visitor(server!, stale)
      const writer = await returning.request()
      const readers = [await returning.request(), await returning.request()]
      writer.session.user = 'ann'
      const steps = [writer, ...readers]
      for (const step of steps) await step.settle()
      const responses = steps.map((step) => step.leave())
      for (const at of order) writer.arrive(responses[at])
      expect(await returning.visit(({ user }) => user)).toBe('ann')
    }
  })

  test('whoever signs in with an id that was just destroyed gets a session', async () => {
    const [server] = engines<Data>(1)
    const client = new Visitor(server!)
    await client.visit((session) => void (session.user = 'ann'))
    const kept = client.cookie
    await client.visit((session) => session.destroy())
    const again = new Visitor(server!, kept)
    await again.visit(async (session) => {
      await session.regenerate()
      session.user = 'bob'
    })
    expect(again.cookie).not.toBe(kept)
    expect(await again.visit(({ user }) => user)).toBe('bob')
  })

  test('of two cookies of our name the one that names a live session wins; two live ones are refused', async () => {
    const [server] = engines<Data>(1)
    const [ann, bob] = [new Visitor(server!), new Visitor(server!)]
    await ann.visit((session) => void (session.user = 'ann'))
    await bob.visit((session) => void (session.user = 'bob'))
    const garbage = '__Host-sid=garbage'
    const dead = `${ann.cookie?.slice(0, -4)}AAAA`
    for (const cookies of [`${garbage}; ${ann.cookie}`, `${ann.cookie}; ${dead}`]) {
      expect(await new Visitor(server!, cookies).visit(({ user }) => user)).toBe('ann')
    }
    const both = new Visitor(server!, `${ann.cookie}; ${bob.cookie}`)
    expect(await both.visit(({ user }) => user)).toBeUndefined()
  })
})
