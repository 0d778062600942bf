/** Messages between the engines that share a store in the memory of one process. */
import type { Channel, ChannelListener, Subscription } from '../core/channel.ts'

export class MemoryChannel implements Channel {
  readonly #listeners = new Set<ChannelListener>()

  async publish(text: string): Promise<void> {
    for (const listener of this.#listeners) listener.message(text)
  }

  subscribe(listener: ChannelListener): Subscription {
    // One listener may subscribe twice; each subscription is its own.
    const own: ChannelListener = {
      message: (text) => listener.message(text),
      lost: (cause) => listener.lost(cause),
    }
    this.#listeners.add(own)
    return { ready: Promise.resolve(), close: async () => void this.#listeners.delete(own) }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
