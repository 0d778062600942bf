/** Chance that repeats: the same seed throws the same faults. */

/** @typedef {() => number} Dice at least 0, below 1 */

/**
 * mulberry32 by Tommy Ettinger, public domain: 32 bits of state are plenty for choosing faults.
 * @param {number} seed
 * @returns {Dice}
 */
export function diceOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * One of a list.
 * @template Item
 * @param {Dice} dice
 * @param {readonly [Item, ...Item[]]} items
 * @returns {Item}
 */
export function pick(dice, items) {
  return items[Math.floor(dice() * items.length)] ?? items[0]
}

/**
 * Damages a reply: some of its bytes become others.
 * @param {Dice} dice
 * @returns {(reply: Buffer) => Buffer}
 */
export function damage(dice) {
  return (reply) => {
    const hits = 1 + Math.floor(dice() * 4)
    for (let hit = 0; hit < hits; hit++)
      reply[Math.floor(dice() * reply.length)] = Math.floor(dice() * 256)
    return reply
  }
}
