/** Promises for those who still call with a callback, which is taken last. */

/** Called once, with an error or with null and the result; what it throws is nobody's result. */
export type Callback<Result> = (error: Error | null, result?: Result) => void

/** The promise goes on as it is; its rejection counts as handled, since callers of old waited for none. */
export function withCallback<Result>(
  promise: Promise<Result>,
  callback: Callback<Result> | undefined,
): Promise<Result> {
  // Not with its own then, which may note that somebody waits.
  void Promise.prototype.then.call(promise, undefined, () => undefined)
  if (callback) {
    // Out of the promise: an exception of the callback is an uncaught one, as it always was.
    promise.then(
      (result) => queueMicrotask(() => callback(null, result)),
      (error: Error) => queueMicrotask(() => callback(error)),
    )
  }
  return promise
}
