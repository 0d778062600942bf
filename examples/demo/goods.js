/** What the stall at the door sells. */
export const goods = [
  { sku: 'ink', name: 'Ink pad, vermilion', cents: 650 },
  { sku: 'stamp', name: 'Rubber stamp', cents: 1290 },
  { sku: 'book', name: 'Guest book, 96 pages', cents: 1850 },
]

/** @param {string} sku */
export function isForSale(sku) {
  return goods.some((item) => item.sku === sku)
}
