/** Contract: messages between the processes that share a store. */

export interface ChannelListener {
  message(text: string): void
  /** The connection is cut, as far as the store can tell; it is made again by itself. */
  lost(cause: unknown): void
}

export interface Subscription {
  /** Resolves once messages arrive; rejects where they will not. */
  readonly ready: Promise<void>
  /** From now on nothing is heard, and no connection is left behind. Idempotent, never rejects. */
  close(): Promise<void>
}

/**
 * Every listener of that moment hears a message once, the sender's own included, in no promised order;
 * nothing is kept for whoever is not there.
 */
export interface Channel {
  /** Resolves once the store has taken the message. */
  publish(text: string): Promise<void>
  subscribe(listener: ChannelListener): Subscription
}
