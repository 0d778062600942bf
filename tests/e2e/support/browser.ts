/** A browser as far as sessions go: sends requests over real connections, and keeps cookies in a jar. */
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { CookieJar } from 'tough-cookie'
import { onTestFinished } from 'vitest'
import { barrier } from './barrier.ts'

export interface Where {
  readonly port: number
  readonly protocol: 'http1' | 'http2'
}

export interface Answer {
  readonly status: number
  /** In lower case; lines of one name in the order of their arrival. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: Buffer
  readonly text: string
  readonly trailers: Readonly<Record<string, string>>
  /** The Set-Cookie lines. */
  readonly cookies: readonly string[]
}

export interface RequestOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** A request under way. */
export interface Exchange {
  /** Rejects where the connection breaks before the end of the body. */
  readonly answer: Promise<Answer>
  /** Resolves when the head of the response is there. */
  readonly head: Promise<void>
  /** Closes the connection. */
  abort(): void
}

/** One connection, requests one after the other. */
export interface Connection {
  send(path: string, options?: RequestOptions): Exchange
  /** The bytes of responses that the server has sent so far. */
  received(): Promise<number>
}

/** Opens a connection of its own, so that its bytes can be counted. */
export async function connectTo({ port, protocol }: Where): Promise<Connection> {
  const socket = connect(port, '127.0.0.1')
  const connected = barrier()
  socket.once('connect', () => connected.open())
  socket.once('error', () => connected.open())
  await connected.passed
  onTestFinished(() => void socket.destroy())
  if (protocol === 'http2') return http2Connection(socket)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = () => socket
  return {
    send: (path, options = {}) => sendHttp1(agent, port, path, options),
    received: async () => socket.bytesRead,
  }
}

function sendHttp1(
  agent: Agent,
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: RequestOptions,
): Exchange {
  const request = httpRequest({ agent, host: '127.0.0.1', port, path, method, headers })
  const head = barrier()
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response: IncomingMessage) => {
      head.open()
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, headersDistinct, trailers } = response
        const lines = Object.entries(headersDistinct).map(([name, values = []]) => [name, values])
        const fields = Object.fromEntries(lines) as Record<string, string[]>
        resolve(answerOf(statusCode, fields, chunks, trailers as Record<string, string>))
      })
    })
  })
  answer.catch(() => undefined)
  request.end(body)
  return { answer, head: head.passed, abort: () => request.destroy() }
}

async function http2Connection(socket: Socket): Promise<Connection> {
  const session = connectHttp2('http://localhost', { createConnection: () => socket })
  session.on('error', () => undefined)
  onTestFinished(() => session.destroy())
  const ping = async (): Promise<void> => {
    const replied = barrier()
    session.ping(() => replied.open())
    await replied.passed
  }
  // When the reply is there, so is all that opens a connection.
  await ping()
  const opening = socket.bytesRead
  let pings = 0
  return {
    send: (path, options = {}) => sendHttp2(session, path, options),
    async received() {
      await ping()
      pings++
      // RFC 9113 section 6.7: 9 bytes of frame header and 8 of payload.
      return socket.bytesRead - opening - pings * 17
    },
  }
}

function sendHttp2(
  session: ClientHttp2Session,
  path: string,
  { method = 'GET', headers = {}, body }: RequestOptions,
): Exchange {
  const { host, connection: _, ...fields } = headers
  const stream = session.request({
    ':path': path,
    ':method': method,
    ...(host === undefined ? {} : { ':authority': host }),
    ...fields,
  })
  const head = barrier()
  const answer = new Promise<Answer>((resolve, reject) => {
    let status = 0
    let received: Record<string, string[]> = {}
    let trailers: Record<string, string> = {}
    const chunks: Buffer[] = []
    stream.on('response', (lines: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      status = lines[':status'] ?? 0
      received = distinct(lines)
      head.open()
    })
    stream.on('trailers', (lines: IncomingHttpHeaders) => {
      trailers = Object.fromEntries(
        Object.entries(lines).map(([name, line]) => [name, String(line)]),
      )
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      if (stream.rstCode === 0 && status > 0) resolve(answerOf(status, received, chunks, trailers))
      else reject(new Error(`stream closed with code ${stream.rstCode}`))
    })
  })
  answer.catch(() => undefined)
  stream.end(body)
  return { answer, head: head.passed, abort: () => session.destroy() }
}

function distinct(headers: OutgoingHttpHeaders): Record<string, string[]> {
  const lines = Object.entries(headers).filter(([name]) => !name.startsWith(':'))
  return Object.fromEntries(lines.map(([name, value]) => [name, [value].flat().map(String)]))
}

function answerOf(
  status: number,
  headers: Record<string, string[]>,
  chunks: readonly Buffer[],
  trailers: Record<string, string>,
): Answer {
  const body = Buffer.concat(chunks)
  const cookies = headers['set-cookie'] ?? []
  return { status, headers, body, text: body.toString(), trailers, cookies }
}

export interface Browser {
  /** A whole exchange; cookies are sent from the jar and kept there. */
  get(path?: string, options?: RequestOptions): Promise<Answer>
  post(path?: string, options?: RequestOptions): Promise<Answer>
  /** What the jar holds for a path, as the browser would send it. */
  cookieFor(path?: string): string
  /** Puts another value into the jar. */
  setCookie(line: string): void
}

/** `host` is what the address bar says; the connection goes to 127.0.0.1. */
export async function browser(where: Where, host = 'localhost'): Promise<Browser> {
  const send = await sender(where)
  const jar = new CookieJar()
  const urlOf = (path: string): string => `http://${host}${path}`
  const cookieFor = (path = '/'): string => jar.getCookieStringSync(urlOf(path))
  const setCookie = (line: string, path = '/'): void => {
    jar.setCookieSync(line, urlOf(path), { ignoreError: true })
  }
  const exchange = async (path: string, options: RequestOptions): Promise<Answer> => {
    const cookie = cookieFor(path)
    const headers = { host, ...(cookie === '' ? {} : { cookie }), ...options.headers }
    const answer = await send(path, { ...options, headers }).answer
    for (const line of answer.cookies) setCookie(line, path)
    return answer
  }
  return {
    get: (path = '/', options = {}) => exchange(path, options),
    post: (path = '/', options = {}) => exchange(path, { method: 'POST', ...options }),
    cookieFor,
    setCookie: (line) => setCookie(line),
  }
}

/** As browsers do: connections are kept, and opened anew where the server closed them. */
async function sender(where: Where): Promise<Connection['send']> {
  if (where.protocol === 'http2') return (await connectTo(where)).send
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  return (path, options = {}) => sendHttp1(agent, where.port, path, options)
}
