/** The figures that most scenarios ask for. */
import { atMost, each, mustBe } from './figure.js'
import { SLOW } from './verdict.js'

/** @param {Record<string, { slowest: number }>} results */
export function slowestAnswer(results) {
  return atMost(
    'slowest answer',
    SLOW,
    'ms',
    each(results, (it) => it.slowest),
  )
}

/** @param {Record<string, { isAlive: boolean }>} results */
export function staysAlive(results) {
  return mustBe(
    'process alive (strict rejections)',
    each(results, (it) => it.isAlive),
  )
}

/** koa-redis takes no Sentinel and no Cluster. @param {readonly string[]} libraries */
export function ableToFailOver(libraries) {
  return libraries.filter((library) => library !== 'koa-generic-session')
}
