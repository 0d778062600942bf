/** Walks through a site as somebody with a browser does: cookies, forms, redirects; over HTTP or any other `fetch`. */
import { CookieJar } from 'tough-cookie'

export interface Page {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

type Fetch = (request: Request) => Promise<Response>

export class Walker {
  readonly #jar = new CookieJar()
  readonly #origin: string
  readonly #fetch: Fetch

  constructor(origin: string, fetchWith: Fetch = fetch) {
    this.#origin = origin
    this.#fetch = fetchWith
  }

  get(path: string): Promise<Page> {
    return this.#send(path, {})
  }

  /** Posts a form as a page of the same origin would, and follows the redirect. */
  async post(path: string, form: Record<string, string> = {}): Promise<Page> {
    const page = await this.#send(path, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { origin: this.#origin },
    })
    const location = page.headers.get('location')
    return location === null ? page : this.get(location)
  }

  /** The value of a cookie as it would be sent now. */
  async cookie(name: string): Promise<string | undefined> {
    const cookies = await this.#jar.getCookies(this.#origin)
    return cookies.find(({ key }) => key === name)?.value
  }

  async #send(path: string, init: RequestInit): Promise<Page> {
    const url = new URL(path, this.#origin).href
    const headers = new Headers(init.headers)
    const cookie = await this.#jar.getCookieString(url)
    if (cookie !== '') headers.set('cookie', cookie)
    const response = await this.#fetch(new Request(url, { ...init, headers, redirect: 'manual' }))
    for (const line of response.headers.getSetCookie()) await this.#jar.setCookie(line, url)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
}
