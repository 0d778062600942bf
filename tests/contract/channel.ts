/** The contract of src/core/channel.ts as tests, for any store. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Channel } from '../../src/core/channel.ts'

export function describeChannel(channel: () => Channel): void {
  describe('a channel', () => {
    /** A listener that has begun to hear. */
    async function listener() {
      const heard: string[] = []
      let arrived: (() => void) | undefined
      const subscription = channel().subscribe({
        message: (text) => {
          heard.push(text)
          arrived?.()
        },
        lost: () => undefined,
      })
      onTestFinished(() => subscription.close())
      await subscription.ready
      const hasHeard = async (text: string): Promise<void> => {
        while (!heard.includes(text)) await new Promise<void>((resolve) => (arrived = resolve))
      }
      return { heard, hasHeard, close: subscription.close }
    }

    // Nothing is promised about their order: each may go another way through a cluster.
    const texts = ['plain', '', 'ünï\u2028 😀\n\0"\\', 'x'.repeat(3000)]

    test('tells every listener each message once, as it was sent', async () => {
      const listeners = [await listener(), await listener()]
      for (const text of texts) await channel().publish(text)
      for (const { heard, hasHeard } of listeners) {
        for (const text of texts) await hasHeard(text)
        expect(heard).toHaveLength(texts.length)
      }
    })

    test('tells nothing to who has ended the listening, however often', async () => {
      const [ended, stays] = [await listener(), await listener()]
      await Promise.all([ended.close(), ended.close()])
      await ended.close()
      await channel().publish('for who is there')
      await stays.hasHeard('for who is there')
      // What an earlier test published may still be on its way through a cluster.
      expect(ended.heard).not.toContain('for who is there')
    })

    test('needs nobody to listen, and tells who comes later what comes later', async () => {
      await channel().publish('early')
      const late = await listener()
      await channel().publish('later')
      await expect(late.hasHeard('later')).resolves.toBeUndefined()
    })
  })
}
