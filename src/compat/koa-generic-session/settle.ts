/** Waits for what a store gives back: a value, a promise, a thunk or a generator. */

type Callback = (error: unknown, ...results: unknown[]) => void
type Thunk = (callback: Callback) => unknown

/**
 * A thunk is a function that takes a callback. What a generator yields is waited for likewise, and the
 * items of a yielded array or plain object all at once, as stores for Koa 1 were used to.
 */
export async function settle(answer: unknown): Promise<unknown> {
  if (typeof answer === 'function') return call(answer as Thunk)
  return isGenerator(answer) ? drive(answer) : answer
}

async function drive(generator: Generator): Promise<unknown> {
  let step = generator.next()
  while (step.done !== true) {
    let result: unknown
    try {
      result = await yielded(step.value)
    } catch (error) {
      step = generator.throw(error)
      continue
    }
    step = generator.next(result)
  }
  return step.value
}

/** A generator function is called with a callback too, which it leaves alone. */
function call(thunk: Thunk): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const started = thunk((error, ...results) => {
      if (error) reject(error)
      else resolve(results.length > 1 ? results : results[0])
    })
    if (isGenerator(started)) resolve(drive(started))
  })
}

async function yielded(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(async (item) => yielded(item)))
  if (typeof value !== 'object' || value === null || isGenerator(value)) return settle(value)
  if (Object.getPrototypeOf(value) !== Object.prototype || 'then' in value) return value
  const entries = Object.entries(value).map(async ([name, item]) => [name, await yielded(item)])
  return Object.fromEntries(await Promise.all(entries))
}

/** By shape: those that a compiler made for older engines are no native ones. */
function isGenerator(value: unknown): value is Generator {
  const { next, throw: raise } = (value ?? {}) as Partial<Generator>
  return typeof next === 'function' && typeof raise === 'function'
}
