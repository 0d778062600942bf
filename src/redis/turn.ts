/** What is asked for within one turn of the event loop, gathered to travel together. */

interface Asked<Item, Reply> {
  readonly item: Item
  resolve(reply: Reply): void
  reject(error: unknown): void
}

/**
 * `send` gets what was gathered, one item or many, and resolves to their replies in the same order; an
 * Error among them is the failure of its item alone.
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
      // After the sockets of this turn were read: all requests that arrived in it are in.
      if (asked.length === 0) setImmediate(flush)
      asked.push({ item, resolve, reject })
    })
}
