import { describe, expect, test } from 'vitest'
import { HandstampError } from '../../src/index.ts'
import type { SessionsOptions } from '../../src/index.ts'
import { engines } from '../support/engines.ts'
import { Visitor } from '../support/visitor.ts'

interface Data {
  count: number
  left: string
  right: string
  cart: string[]
  nested: { a?: number; b?: number }
}

describe.each(['single', 'cluster'] as const)('no lost update (%s)', (topology) => {
  const pair = (options: SessionsOptions<Data> = {}) => engines<Data>(2, options, topology)

  test('500 parallel increments of one field by 10 servers are all counted', async () => {
    const servers = engines<Data>(10, {}, topology)
    const visitor = new Visitor(servers[0]!)
    await visitor.visit((session) => void (session.count = 0))
    const requests = await Promise.all(
      servers.flatMap((server) => Array.from({ length: 50 }, () => visitor.request(server))),
    )
    const sums = await Promise.all(requests.map(({ session }) => session.increment('count')))
    expect(await visitor.visit((session) => session.count)).toBe(500)
    expect(new Set(sums).size).toBe(500)
  })

  test('500 parallel update(fn) of one field by 10 servers are all kept', async () => {
    const servers = engines<Data>(10, {}, topology)
    const visitor = new Visitor(servers[0]!)
    await visitor.visit((session) => void (session.count = 0))
    const requests = await Promise.all(
      servers.flatMap((server) => Array.from({ length: 50 }, () => visitor.request(server))),
    )
    await Promise.all(
      requests.map(({ session }) => session.update('count', (count = 0) => count + 1)),
    )
    expect(await visitor.visit((session) => session.count)).toBe(500)
  })

  test('200 pairs of parallel requests that assign different fields lose nothing', async () => {
    const [here, there] = pair()
    let lost = 0
    for (let at = 0; at < 200; at++) {
      const visitor = new Visitor(here!)
      await visitor.visit((session) => void (session.count = at))
      const first = await visitor.request(here)
      const second = await visitor.request(there)
      first.session.left = `left ${at}`
      second.session.right = `right ${at}`
      await Promise.all([first.settle(), second.settle()])
      const { count, left, right } = await visitor.visit((session) => ({ ...session }))
      if (count !== at || left !== `left ${at}` || right !== `right ${at}`) lost++
    }
    expect(lost).toBe(0)
  })

  test('a removed field stays removed while a parallel request writes another one', async () => {
    const [here, there] = pair()
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void Object.assign(session, { left: 'l', right: 'r' }))
    const remover = await visitor.request(here)
    const writer = await visitor.request(there)
    delete remover.session.left
    writer.session.right = 'R'
    await Promise.all([remover.settle(), writer.settle()])
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ right: 'R' })
  })

  test('a change deep inside a value is seen and saved', async () => {
    const [here] = pair()
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.nested = { a: 1 }))
    await visitor.visit((session) => void (session.nested!.b = 2))
    expect(await visitor.visit((session) => session.nested)).toEqual({ a: 1, b: 2 })
  })

  test('of many parallel takers of a field exactly one gets its value', async () => {
    const [here, there] = pair()
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.left = 'once'))
    const requests = await Promise.all(
      Array.from({ length: 20 }, (_, at) => visitor.request(at % 2 ? here : there)),
    )
    const taken = await Promise.all(requests.map(({ session }) => session.take('left')))
    expect(taken.filter((value) => value === 'once')).toHaveLength(1)
    expect(taken.filter((value) => value === undefined)).toHaveLength(19)
  })

  test('two requests that assign the same field: the last one wins and the conflict is told', async () => {
    const [here, there] = pair()
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.left = 'before'))
    const conflicts: (readonly string[])[] = []
    for (const server of [here, there]) {
      server!.events.on('conflict', ({ fields }) => conflicts.push(fields))
    }
    const first = await visitor.request(here)
    const second = await visitor.request(there)
    first.session.left = 'first'
    second.session.left = 'second'
    await first.settle()
    await second.settle()
    expect(await visitor.visit((session) => session.left)).toBe('second')
    expect(conflicts).toEqual([['left']])
  })

  test('two requests that assign the same value are a conflict too: an addition would be lost', async () => {
    const [here, there] = pair({ onConflict: 'error' })
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.count = 1))
    const [first, second] = [await visitor.request(here), await visitor.request(there)]
    first.session.count!++
    second.session.count!++
    await first.settle()
    await expect(second.settle()).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
  })

  test("onConflict 'error' refuses the later assignment and writes none of its fields", async () => {
    const [here, there] = pair({ onConflict: 'error' })
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.left = 'before'))
    const first = await visitor.request(here)
    const second = await visitor.request(there)
    first.session.left = 'first'
    Object.assign(second.session, { left: 'second', right: 'second' })
    await first.settle()
    const error = await second.settle().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(HandstampError)
    expect(error).toMatchObject({ code: 'ERR_CONFLICT', fields: ['left'], status: 409 })
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({ left: 'first' })
  })

  test('a resolver merges both values, and what it decided is what the request goes on with', async () => {
    const onConflict: SessionsOptions<Data>['onConflict'] = (_field, { base, theirs, mine }) => {
      const known = base as string[]
      return [
        ...(theirs as string[]),
        ...(mine as string[]).filter((item) => !known.includes(item)),
      ]
    }
    const [here, there] = pair({ onConflict })
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.cart = ['a']))
    const first = await visitor.request(here)
    const second = await visitor.request(there)
    first.session.cart = ['a', 'b']
    second.session.cart = ['a', 'c']
    await first.settle()
    await second.settle()
    expect(second.session.cart).toEqual(['a', 'b', 'c'])
    second.session.left = 'later'
    await second.session.save()
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      cart: ['a', 'b', 'c'],
      left: 'later',
    })
  })

  test('a second save of one request does not write back what it read before', async () => {
    const [here, there] = pair()
    const visitor = new Visitor(here!)
    await visitor.visit((session) => void (session.left = 'old'))
    const slow = await visitor.request(here)
    await visitor.visit((session) => void (session.left = 'new'), there)
    slow.session.right = 'one'
    await slow.session.save()
    slow.session.right = 'two'
    await slow.settle()
    expect(await visitor.visit((session) => ({ ...session }))).toEqual({
      left: 'new',
      right: 'two',
    })
  })
})
