/** A browser that goes to whichever server its operator puts behind the name. */
import { Walker } from '../../support/walker.ts'
import type { Page } from '../../support/walker.ts'

const NAME = 'http://shop.example'

export class Browser {
  readonly #walker: Walker
  #origin: string

  constructor(origin: string) {
    this.#origin = origin
    this.#walker = new Walker(NAME, (request) => {
      const url = request.url.replace(NAME, this.#origin)
      return fetch(url, { headers: request.headers, redirect: 'manual' })
    })
  }

  /** From now on another server answers. */
  moveTo(origin: string): this {
    this.#origin = origin
    return this
  }

  get(path: string): Promise<Page> {
    return this.#walker.get(path)
  }

  async read(): Promise<unknown> {
    return JSON.parse((await this.get('/read')).text)
  }

  cookie(name: string): Promise<string | undefined> {
    return this.#walker.cookie(name)
  }
}
