/** Inputs near to those that once mattered: what is kept in corpus/, spoiled, beside what fast-check invents. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'

export function corpus(name: string): unknown[] {
  const file = new URL(`corpus/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as unknown[]
}

/** Texts of the corpus as they are, cut, repeated, and with something put in or swapped. */
export function spoiled(texts: readonly string[]): fc.Arbitrary<string> {
  const text = fc.constantFrom(...texts)
  const place = fc.double({ min: 0, max: 1, noNaN: true })
  const piece = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
    text,
    fc.constantFrom('"', '\\', '\n', '%', ';', '=', ',', '\0', '[', '{', '__proto__', '1e400'),
  )
  return fc.oneof(
    text,
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.tuple(text, place, place, piece).map(([whole, from, to, put]) => {
      const [start, end] = [from, to].toSorted((a, b) => a - b) as [number, number]
      return whole.slice(0, start * whole.length) + put + whole.slice(end * whole.length)
    }),
    fc.array(text, { minLength: 2, maxLength: 4 }).map((several) => several.join('; ')),
  )
}
