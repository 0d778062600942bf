/** Load by autocannon, from this process. */
import autocannon from 'autocannon'

/** @type {import('./load.js').Generator} */
export function startAutocannon({ port, requests, connections, seconds }) {
  let started = 0
  const running = autocannon({
    url: `http://127.0.0.1:${port}`,
    connections,
    duration: Math.ceil(seconds) + 30,
    // Each connection begins at another place, so that one moment sees many sessions.
    setupClient(/** @type {{ setRequests(requests: object[]): void }} */ client) {
      const share = Math.ceil(requests.length / connections)
      const first = (started++ % connections) * share
      client.setRequests(sliceOf(requests, first, share).map(withHeaders))
    },
  })
  return {
    async stop() {
      running.stop()
      const { errors, timeouts, non2xx } = await running
      return { failed: errors + timeouts, refused: non2xx }
    },
  }
}

/** As many as wanted, beginning anew after the last. @param {import('../workloads.js').Request[]} all @param {number} first @param {number} count */
function sliceOf(all, first, count) {
  return Array.from({ length: count }, (_, at) => all[(first + at) % all.length] ?? { path: '/' })
}

/** @param {import('../workloads.js').Request} request */
function withHeaders({ path, cookie }) {
  return { method: 'GET', path, headers: cookie === undefined ? {} : { cookie } }
}
