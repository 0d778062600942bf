/** Time passes. */
import assert from 'node:assert/strict'
import type { AsyncCommand } from 'fast-check'
import { checkAll } from './round.ts'
import type { Site } from './site.ts'

export class Pause implements AsyncCommand<object, Site> {
  readonly #minutes: number

  constructor(minutes: number) {
    this.#minutes = minutes
  }

  check(): boolean {
    return true
  }

  async run(_: object, site: Site): Promise<void> {
    site.clock.advance(this.#minutes * 60_000)
    const before = [...site.seen]
    for (const [browser, seen] of before.entries()) {
      if (!seen) continue
      const now = await site.look(browser)
      if (site.clock.now() < seen.expiresAt) assert.deepEqual(now, seen)
      else {
        assert.equal(now, undefined)
        site.ended.add(seen.fields['born'] ?? 0)
      }
    }
    await checkAll(site)
  }

  toString(): string {
    return `${this.#minutes} minutes pass`
  }
}
