/** What is asked for within one turn of the event loop, gathered to travel together. */
import { isCrossSlot } from './fault.ts'

interface Asked<Item, Reply> {
  readonly item: Item
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/** What is to be sent at the end of this turn. What sends may gather more, which still travels in the same turn. */
let due: (() => void)[] = []

function atEndOfTurn(flush: () => void): void {
  // After the sockets of this turn were read: all requests that arrived in it are in.
  if (due.length === 0) setImmediate(endTurn)
  due.push(flush)
}

function endTurn(): void {
  try {
    for (const flush of due) flush()
  } finally {
    due = []
  }
}

/**
 * `send` gets what was gathered, one item or many, and resolves to their replies in the same order; an
 * Error among them is the failure of its item alone. It never throws.
 */
export function gathering<Item, Reply>(
  send: (items: readonly Item[]) => Promise<readonly (Reply | Error)[]>,
): (item: Item) => Promise<Reply> {
  let asked: Asked<Item, Reply>[] = []
  const flush = (): void => {
    const now = asked
    asked = []
    send(now.map(({ item }) => item)).then(
      (replies) => {
        for (const [at, { resolve, reject }] of now.entries()) {
          const reply = replies[at]
          if (reply instanceof Error) reject(reply)
          else resolve(reply as Reply)
        }
      },
      (error: unknown) => {
        for (const { reject } of now) reject(error)
      },
    )
  }
  return (item) =>
    new Promise((resolve, reject) => {
      if (asked.length === 0) atEndOfTurn(flush)
      asked.push({ item, resolve, reject })
    })
}

/**
 * The same for a server that takes keys of several slots in one command. One in cluster mode, whose client
 * does not know of it, refuses that: from then on each item is sent by itself, and so is what was refused.
 */
export function gatheringSlots<Item, Reply>(
  one: (item: Item) => Promise<Reply>,
  many: (items: readonly Item[]) => Promise<readonly (Reply | Error)[]>,
): (item: Item) => Promise<Reply> {
  let isScattered = false
  const gathered = gathering<Item, Reply>(async (items) => {
    const replies = await many(items).catch((error: unknown) => items.map(() => error as Error))
    if (!replies.some(isCrossSlot)) return replies
    isScattered = true
    return Promise.all(
      items.map(async (item, at) => {
        const reply = replies[at] as Reply | Error
        return isCrossSlot(reply) ? one(item).catch((error: unknown) => error as Error) : reply
      }),
    )
  })
  return (item) => (isScattered ? one(item) : gathered(item))
}
