/**
 * A proxy on loopback between a client and Redis, which understands the protocol, so that a fault can
 * hit one command: before Redis sees it, after it has run, or on the way back.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { commandOf, framesOf, isPush } from './resp.js'

/**
 * What a command meets:
 * - `delay` its reply comes so many milliseconds after it was sent; `hold` once a promise has settled. Replies
 *   behind it wait, as they do behind a slow command.
 * - `reply` never reaches Redis; this line is the answer, such as `-LOADING wait`
 * - `reset` never reaches Redis; the connection is reset
 * - `lose-reply` runs, then the connection is reset instead of the reply
 * - `half-close` runs, then the connection is closed on one side, as by a server that goes
 * - `blackhole` from now on everything on this connection is accepted and nothing answered
 * - `swallow` runs, then as `blackhole`
 * - `corrupt` the bytes of its reply are damaged, as `how` says
 *
 * @typedef {{ kind: 'delay', milliseconds: number } | { kind: 'hold', until: Promise<unknown> }
 *   | { kind: 'reply', line: string } | { kind: 'corrupt', how: (reply: Buffer) => Buffer }
 *   | { kind: 'reset' | 'lose-reply' | 'half-close' | 'blackhole' | 'swallow' }} Fault
 *
 * @typedef {object} Command
 * @property {string} name upper case
 * @property {string[]} args
 *
 * @callback Decide
 * @param {Command} command
 * @returns {Fault | undefined} undefined: it passes
 *
 * @typedef {object} Proxy
 * @property {number} port
 * @property {(decide: Decide) => void} meet from now on
 * @property {() => void} pass no more faults for new commands
 * @property {(isOn: boolean) => void} blackhole all connections, those that exist too; once off, they are reset
 * @property {() => void} resetAll
 * @property {() => Promise<void>} stop
 */

/** These have no reply of their own in their place: what comes are messages. */
const SUBSCRIBING = /^[PS]?(UN)?SUBSCRIBE$/

/**
 * @example
 * const proxy = await startProxy(redis.port)
 * proxy.meet(({ name }) => (name === 'EVALSHA' ? { kind: 'lose-reply' } : undefined))
 *
 * @param {number} target the port of Redis
 * @returns {Promise<Proxy>}
 */
export async function startProxy(target) {
  /** @type {Set<ReturnType<typeof join>>} */
  const joints = new Set()
  /** @type {Decide} */
  let decide = () => undefined
  let isBlack = false
  const server = createServer({ noDelay: true }, (client) => {
    const joint = join(client, target, (command) => decide(command))
    joints.add(joint)
    client.once('close', () => joints.delete(joint))
    if (isBlack) joint.blackhole()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const resetAll = () => {
    for (const joint of joints) joint.reset()
  }
  return {
    port,
    meet(next) {
      decide = next
    },
    pass() {
      decide = () => undefined
    },
    blackhole(isOn) {
      isBlack = isOn
      if (!isOn) return resetAll()
      for (const joint of joints) joint.blackhole()
    },
    resetAll,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      resetAll()
      await closed
    },
  }
}

/**
 * One connection of a client, and the one to Redis that belongs to it.
 * @param {import('node:net').Socket} client
 * @param {number} target
 * @param {Decide} decide
 */
function join(client, target, decide) {
  const redis = connect({ port: target, host: '127.0.0.1', noDelay: true })
  /** In the order of their commands. @type {{ fault: Fault | undefined, reply?: Buffer, at: number }[]} */
  const open = []
  let isBlack = false
  let isWriting = false

  const reset = () => {
    if (!client.destroyed) client.resetAndDestroy()
    redis.destroy()
  }
  const blackhole = () => {
    isBlack = true
  }

  /** Writes the replies that are there, in order, each as late as its fault wants it. */
  const write = async () => {
    if (isWriting || isBlack) return
    isWriting = true
    for (let next = open[0]; next?.reply; next = open[0]) {
      open.shift()
      const { fault, reply, at } = next
      if (fault?.kind === 'delay')
        await pause(Math.max(0, at + fault.milliseconds - performance.now()))
      if (fault?.kind === 'hold') await fault.until
      if (isBlack || client.destroyed) return
      if (fault?.kind === 'lose-reply') return reset()
      if (fault?.kind === 'swallow') return blackhole()
      if (fault?.kind === 'half-close') return void client.end()
      client.write(fault?.kind === 'corrupt' ? fault.how(Buffer.from(reply)) : reply)
    }
    isWriting = false
  }

  onFrames(client, (frame) => {
    if (isBlack) return
    const [name, ...args] = commandOf(frame)
    const fault = decide({ name, args })
    const at = performance.now()
    if (fault?.kind === 'reset') return reset()
    if (fault?.kind === 'blackhole') return blackhole()
    if (fault?.kind === 'reply') open.push({ fault, at, reply: Buffer.from(`${fault.line}\r\n`) })
    else {
      if (!SUBSCRIBING.test(name)) open.push({ fault, at })
      redis.write(frame)
    }
    void write()
  })
  onFrames(redis, (frame) => {
    if (isBlack) return
    const answered = isPush(frame) ? undefined : open.find(({ reply }) => reply === undefined)
    if (!answered) return void client.write(frame)
    answered.reply = frame
    void write()
  })
  // A connection that swallows says no farewell either.
  client.once('close', () => redis.destroy())
  redis.once('close', () => isBlack || client.end())
  for (const socket of [client, redis]) socket.on('error', () => {})
  return { reset, blackhole }
}

/** @param {import('node:net').Socket} socket @param {(frame: Buffer) => void} take */
function onFrames(socket, take) {
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    const split = framesOf(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]))
    rest = Buffer.from(split.rest)
    for (const frame of split.frames) take(frame)
  })
}
