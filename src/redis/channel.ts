/** Messages between processes, by PUBLISH and SUBSCRIBE. */
import type { Channel, ChannelListener, Subscription } from '../core/channel.ts'
import type { Driver } from './driver.ts'

export class RedisChannel implements Channel {
  readonly #name: string
  readonly #driver: Driver
  readonly #open = new Set<Subscription>()

  constructor(name: string, driver: Driver) {
    this.#name = name
    this.#driver = driver
  }

  async publish(text: string): Promise<void> {
    await this.#driver.send(this.#name, false, ['PUBLISH', this.#name, text])
  }

  subscribe(listener: ChannelListener): Subscription {
    const { ready, close } = this.#driver.subscribe(this.#name, listener)
    const subscription: Subscription = {
      ready,
      close: async () => {
        this.#open.delete(subscription)
        await close()
      },
    }
    this.#open.add(subscription)
    return subscription
  }

  /** The connections of subscriptions are the store's own, whoever's the client is. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()))
  }
}
