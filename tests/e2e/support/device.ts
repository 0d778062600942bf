/** A browser on the demo, with cookies of its own, and what its user does on the page. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

export interface Listed {
  readonly handle: string | null
  readonly label: string
  readonly isCurrent: boolean
}

export class Device {
  readonly #page: Page
  readonly #origin: string
  readonly #complaints: string[] = []

  constructor(page: Page, origin: string) {
    this.#page = page
    this.#origin = origin
    page.on('pageerror', (error) => this.#complaints.push(error.message))
    page.on('console', (line) => line.type() === 'error' && this.#complaints.push(line.text()))
  }

  async open(): Promise<void> {
    await this.#page.goto(`${this.#origin}/`)
    assert.deepEqual(this.#complaints, [])
  }

  async signIn(name: string, { remember = false } = {}): Promise<void> {
    await this.#page.getByLabel('Your name').fill(name)
    if (remember) await this.#page.getByLabel('Remember me').check()
    await this.click('Sign in')
    assert.ok((await this.text()).includes(`Good to see you, ${name}.`))
  }

  /** Resolves when the page that the click leads to is there. */
  async click(button: string, on?: 'this device' | 'the other device'): Promise<void> {
    const devices = this.#page.locator('#devices li:not([aria-current])')
    const within = on === 'the other device' ? devices : this.#page.locator('body')
    const target = within.locator('button').filter({ hasText: new RegExp(`^\\s*${button}\\s*$`) })
    await Promise.all([this.#page.waitForEvent('load'), target.first().click()])
    assert.deepEqual(this.#complaints, [])
  }

  async devices(): Promise<Listed[]> {
    const rows = await this.#page.locator('#devices li').all()
    return Promise.all(
      rows.map(async (row) => ({
        handle: await row.getAttribute('data-handle'),
        label: await row.locator('b').innerText(),
        isCurrent: (await row.getAttribute('aria-current')) === 'true',
      })),
    )
  }

  async isSignedIn(): Promise<boolean> {
    const form = await this.#page.getByLabel('Your name').count()
    const list = await this.#page.locator('#devices').count()
    assert.equal(form + list, 1)
    return list === 1
  }

  text(): Promise<string> {
    return this.#page.locator('body').innerText()
  }

  async cookie(): Promise<string> {
    return (await this.#sid()).value
  }

  /** Seconds since 1970; -1 for a cookie that ends with the browser. */
  async cookieExpiry(): Promise<number> {
    return (await this.#sid()).expires
  }

  async #sid(): Promise<{ value: string; expires: number }> {
    const cookies = await this.#page.context().cookies(this.#origin)
    const [sid] = cookies
    assert.ok(sid && cookies.length === 1 && sid.name === 'demo-sid')
    assert.deepEqual([sid.httpOnly, sid.sameSite], [true, 'Lax'])
    return sid
  }

  /** A page of a sibling origin posts a form here; for the cookie it is the same site. */
  async postFromSibling(path: string): Promise<{ status: number; sentCookie: boolean }> {
    const page = await this.#page.context().newPage()
    const form = `<form method="post" action="${this.#origin}${path}"><button>Win</button></form>`
    await page.route('http://localhost:4321/', (route) =>
      route.fulfill({ contentType: 'text/html', body: form }),
    )
    await page.goto('http://localhost:4321/')
    const [response] = await Promise.all([
      page.waitForResponse((answer) => answer.url() === `${this.#origin}${path}`),
      page.locator('button').click(),
    ])
    const { cookie } = await response.request().allHeaders()
    return { status: response.status(), sentCookie: cookie?.includes('demo-sid=') ?? false }
  }
}
