/**
 * A real store whose calls wait: each is let through, and its reply let go, when fast-check's scheduler
 * says so. What is found in between is looked at by `afterEach`, at every instant that a user could see.
 */
import type { Scheduler } from 'fast-check'
import type { Handle } from '../../../src/core/id.ts'
import type { Store, Succession } from '../../../src/core/store.ts'

export interface HeldStore {
  readonly store: Store
  /** Every handle that a session was ever written under, before it was written. */
  readonly handles: ReadonlySet<Handle>
  /** Does all this at once; lets calls and replies go, one at a time, until nothing is under way any more. */
  atOnce(scheduler: Scheduler, work: readonly (() => Promise<void>)[]): Promise<void>
}

type Verb = (...args: unknown[]) => Promise<unknown>

export function heldStore(real: Store, afterEach: () => Promise<void>): HeldStore {
  const handles = new Set<Handle>()
  let scheduler: Scheduler | undefined
  let underWay = 0

  const note = (verb: string, args: unknown[]): void => {
    if (['create', 'admit', 'adopt'].includes(verb)) handles.add(args[0] as Handle)
    if (verb === 'regenerate') handles.add((args[2] as Succession).successor)
  }
  const held = (part: object): object =>
    new Proxy(part, {
      get(target, name: string) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member === 'object' && member !== null) return held(member)
        if (typeof member !== 'function') return member
        const verb = member.bind(target) as Verb
        return async (...args: unknown[]) => {
          if (!scheduler || name === 'close') return verb(...args)
          underWay++
          try {
            await scheduler.schedule(Promise.resolve(), `${name} is sent`)
            note(name, args)
            const reply = await verb(...args)
            await afterEach()
            return await scheduler.schedule(Promise.resolve(reply), `${name} has its reply`)
          } finally {
            underWay--
          }
        }
      },
    })

  return {
    store: held(real) as Store,
    handles,
    async atOnce(given, work) {
      scheduler = given
      let left = work.length
      const running = Promise.allSettled(work.map((one) => one().finally(() => left--)))
      const isBusy = (): boolean => left > 0 || underWay > 0
      while (isBusy()) {
        // Whatever can happen without the store happens first, so that the choice is among all that wait.
        await new Promise((resolve) => setImmediate(resolve))
        if (given.count() > 0) await given.waitNext(1)
      }
      scheduler = undefined
      for (const outcome of await running) if (outcome.status === 'rejected') throw outcome.reason
    },
  }
}
