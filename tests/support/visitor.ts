/** A browser without HTTP: one cookie, and requests whose steps a test can interleave at will. */
import type { Session } from '../../src/core/session.ts'
import type { Sessions } from '../../src/core/sessions.ts'
import type { HeaderLine, RequestHead } from '../../src/core/transport.ts'

/** One request, step by step: opened on creation, then the handler, `settle`, and `arrive`. */
export interface Step<Data extends object> {
  readonly session: Session<Data>
  /** Assigns the session as `ctx.session = …` does. */
  assign(value: object | null): void
  /** Writes what the request did; rejects where the save fails. */
  settle(): Promise<void>
  /** The header lines of the response, fixed when it leaves. */
  leave(): readonly HeaderLine[]
  /** The response reaches the browser. */
  arrive(lines?: readonly HeaderLine[]): void
}

export class Visitor<Data extends object> {
  cookie: string | undefined
  readonly #sessions: Sessions<Data>

  constructor(sessions: Sessions<Data>, cookie?: string) {
    this.#sessions = sessions
    this.cookie = cookie
  }

  /** Sends a request with the cookie as it is now, to this server or another one. */
  async request(sessions: Sessions<Data> = this.#sessions): Promise<Step<Data>> {
    const { cookie } = this
    const head: RequestHead = {
      header: (name) => (name === 'cookie' ? cookie : undefined),
      path: '/',
      secure: false,
      source: {},
    }
    const visit = sessions.begin(head)
    if (!visit) throw new Error('the cookie path does not cover /')
    await visit.open()
    const leave = (): readonly HeaderLine[] => visit.headerLines()
    return {
      get session() {
        return visit.session as Session<Data>
      },
      assign: (value) => visit.assign(value),
      settle: async () => visit.settle(),
      leave,
      arrive: (lines = leave()) => this.#receive(lines),
    }
  }

  /** A whole request: what the handler does with the session is saved before the response arrives. */
  async visit<Result>(
    handler: (session: Session<Data>) => Result | Promise<Result>,
    sessions?: Sessions<Data>,
  ): Promise<Result> {
    const step = await this.request(sessions)
    const result = await handler(step.session)
    await step.settle()
    step.arrive()
    return result
  }

  #receive(lines: readonly HeaderLine[]): void {
    for (const [name, line] of lines) {
      if (name !== 'Set-Cookie') continue
      this.cookie = line.includes('Max-Age=0') ? undefined : line.split(';')[0]
    }
  }
}
