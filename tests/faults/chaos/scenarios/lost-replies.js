/** Every increment runs, and the first reply to each is lost with its connection. */
import { startRedis } from '../../../../tools/redis/start.mjs'
import { startProxy } from '../../proxy.js'
import { admit } from '../admit.js'
import { startContestant } from '../contestant.js'
import { atMost } from '../figure.js'
import { createLoad } from '../load.js'

const TIMES = 100

/** @type {import('../figure.js').Scenario} The peers have no increment; ioredis by itself counts INCR twice. */
export const lostReplies = {
  name: 'lost-replies',
  title: `Reply lost after execution, ${TIMES} increments`,
  async run() {
    const redis = await startRedis({ single: true })
    const proxy = await startProxy(redis.single.port)
    const address = /** @type {const} */ ({ kind: 'single', port: proxy.port })
    const app = await startContestant({ library: 'handstamp', address })
    try {
      const load = createLoad(app.port)
      const [guest = { cookie: '' }] = await admit(load, 1)
      const { cookie } = guest
      const hits = async () => {
        for (let tries = 0; tries < 100; tries++) {
          const { status, body } = await load.send({ path: '/hits', cookie })
          if (status === 200) return body.hits
        }
        return NaN
      }
      // Its script is known from here on.
      await load.send({ path: '/increment', cookie })
      let before = await hits()
      let twice = 0
      let lies = 0
      let unknown = 0
      for (let time = 0; time < TIMES; time++) {
        let isLost = false
        proxy.meet(({ name }) => {
          if (name !== 'EVALSHA' || isLost) return undefined
          isLost = true
          return { kind: 'lose-reply' }
        })
        const { status } = await load.send({ path: '/increment', cookie })
        proxy.pass()
        const now = await hits()
        if (now - before > 1) twice++
        if (status === 200 && now - before !== 1) lies++
        if (status !== 200) unknown++
        before = now
      }
      await load.stop(0)
      return [
        atMost('counted twice', 0, '', { handstamp: twice }),
        atMost('told done and not counted once', 0, '', { handstamp: lies }),
        { ...atMost('told unknown', Infinity, '', { handstamp: unknown }), bar: '' },
      ]
    } finally {
      await Promise.all([app.stop(), proxy.stop(), redis.stop()])
    }
  },
}
