/**
 * A browser without HTTP: it keeps the one cookie of the sessions it visits. Each request goes
 * through the steps of an adapter, and a test can call them one by one, so that two requests meet
 * at exactly the point it wants.
 */
import type { Session } from '../../src/core/session.ts'
import type { Sessions } from '../../src/core/sessions.ts'
import type { HeaderLine, RequestHead } from '../../src/core/transport.ts'
import type { Visit } from '../../src/core/visit.ts'

export interface RequestOptions {
  readonly path?: string
  readonly secure?: boolean
  /** Further headers, names in lower case; `cookie` replaces what the jar would send. */
  readonly headers?: Readonly<Record<string, string>>
  /** What hooks get as the framework's request. */
  readonly source?: object
}

export class Visitor<Data extends object> {
  readonly sessions: Sessions<Data>
  /** What the browser would send: `name=value`, or nothing. */
  cookie: string | undefined

  constructor(sessions: Sessions<Data>, cookie?: string) {
    this.sessions = sessions
    this.cookie = cookie
  }

  /** Starts a request with the cookie of this moment. */
  request(options: RequestOptions = {}): VisitorRequest<Data> {
    return new VisitorRequest(this, options)
  }

  /** A whole request: open, act, settle, respond. Returns what the response carries. */
  async visit(
    act?: (session: Session<Data>, request: VisitorRequest<Data>) => unknown,
    options?: RequestOptions,
  ): Promise<readonly HeaderLine[]> {
    const request = this.request(options)
    const session = await request.open()
    await act?.(session, request)
    return request.finish()
  }

  /** Takes a response as a browser does, whenever it arrives. */
  receive(lines: readonly HeaderLine[]): void {
    for (const [name, value] of lines) {
      if (name.toLowerCase() !== 'set-cookie') continue
      const pair = value.split(';', 1)[0] ?? ''
      this.cookie = /; *max-age=0/i.test(value) ? undefined : pair
    }
  }
}

export class VisitorRequest<Data extends object> {
  readonly #visitor: Visitor<Data>
  readonly #visit: Visit<Data>

  constructor(visitor: Visitor<Data>, options: RequestOptions) {
    const { path = '/', secure = true, headers = {}, source = {} } = options
    const sent = {
      ...(visitor.cookie === undefined ? {} : { cookie: visitor.cookie }),
      ...headers,
    } as Record<string, string>
    const head: RequestHead = { header: (name) => sent[name], path, secure, source }
    const visit = visitor.sessions.begin(head, source)
    if (!visit) throw new Error(`the path of the cookie does not cover ${path}`)
    this.#visitor = visitor
    this.#visit = visit
  }

  /** Finds the session; undefined where there is nothing to wait for. */
  begin(): Promise<void> | undefined {
    return this.#visit.open()
  }

  /** Finds the session and returns it. */
  async open(): Promise<Session<Data>> {
    await this.#visit.open()
    return this.session
  }

  /** Throws where the session was destroyed. */
  get session(): Session<Data> {
    const { session } = this.#visit
    if (!session) throw new Error('the session was destroyed')
    return session
  }

  get isDestroyed(): boolean {
    return this.#visit.session === null
  }

  /** `req.session = value`. */
  assign(value: object | null): void {
    this.#visit.assign(value)
  }

  /** Writes what the request did. */
  async settle(): Promise<void> {
    await this.#visit.settle()
  }

  /** Sends the head of the response; the visitor's browser takes its cookie. */
  respond(cacheControl?: string): readonly HeaderLine[] {
    const lines = this.#visit.headerLines(cacheControl)
    this.#visitor.receive(lines)
    return lines
  }

  /** Sends the head of a response that the browser never gets, or gets later: see `receive`. */
  send(cacheControl?: string): readonly HeaderLine[] {
    return this.#visit.headerLines(cacheControl)
  }

  async finish(): Promise<readonly HeaderLine[]> {
    await this.settle()
    return this.respond()
  }
}
