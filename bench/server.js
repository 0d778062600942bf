/**
 * The process of one candidate. Argument: the candidate and its address as JSON. Tells its parent the
 * port it listens on, and at each further message what it has used so far.
 */
import { createServer } from 'node:http'
import { createApp } from './app.js'

/** @typedef {{ cpu: number, requests: number, at: number }} Usage CPU time and clock in µs */

const { candidate, address } = JSON.parse(process.argv[2] ?? '{}')
const server = createServer(await createApp(candidate, address))
let requests = 0
server.on('request', () => {
  requests++
})
server.listen(0, '127.0.0.1', () => tell(server.address()))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell({ cpu: user + system, requests, at: performance.now() * 1000 })
})
process.on('disconnect', () => process.exit())

/** @param {unknown} message */
function tell(message) {
  process.send?.(message)
}
