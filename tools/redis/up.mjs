/** `npm run redis:up`: one server, a cluster and a sentinel group for use by hand, until Ctrl-C. */
import { startRedis } from './start.mjs'

const redis = await startRedis({ single: true, cluster: true, sentinel: true })

console.log(`single    redis://127.0.0.1:${redis.single.port}`)
console.log(`cluster   ${list(redis.cluster.nodes)}`)
console.log(`sentinel  ${list(redis.sentinel.sentinels)}, master name ${redis.sentinel.name}`)
console.log('Ctrl-C ends them.')

// The servers do not keep this process alive; this does.
const wait = setInterval(() => {}, 60_000)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    clearInterval(wait)
    void redis.stop()
  })
}

/** @param {{ port: number }[]} servers */
function list(servers) {
  return servers.map(({ port }) => `127.0.0.1:${port}`).join(' ')
}
