/** Starts the demo: `PORT` says where it listens, `REDIS_URL` where it keeps its sessions. */
import { createApp } from './app.js'
import { chooseStore } from './store.js'

try {
  const port = portFrom(process.env.PORT)
  const choice = chooseStore(process.env.REDIS_URL)
  const { app, sessions } = createApp(choice)

  const server = app.listen(port)
  server.once('listening', () => {
    console.log(`handstamp demo: http://localhost:${port} (sessions in ${choice.place})`)
  })
  server.once('error', (error) => {
    const isTaken = 'code' in error && error.code === 'EADDRINUSE'
    stop(isTaken ? `Port ${port} is taken. Choose another one: PORT=3001 npm start` : error.message)
  })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close(() => void sessions.close())
      server.closeIdleConnections()
    })
  }
} catch (error) {
  stop(error instanceof Error ? error.message : String(error))
}

/** @param {string} [text] */
function portFrom(text = '3000') {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`PORT must be a number from 1 to 65535, not '${text}'.`)
}

/** @param {string} message */
function stop(message) {
  console.error(message)
  process.exitCode = 1
}
