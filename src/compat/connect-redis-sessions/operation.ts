/** A promise that knows whether anybody waits for its outcome: a failure that nobody sees must not pass. */
export class Operation<Result> extends Promise<Result> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  #isWatched = false
  #failure: Error | undefined

  static of<Result>(work: Promise<Result>): Operation<Result> {
    const operation = new Operation<Result>((resolve, reject) => void work.then(resolve, reject))
    work.catch((error: Error) => (operation.#failure = error))
    // Kept here until the response: it is no unhandled rejection.
    void super.prototype.then.call(operation, undefined, () => undefined)
    return operation
  }

  /** `await` calls this, too. */
  // oxlint-disable-next-line unicorn/no-thenable -- a promise has one
  override then<A = Result, B = never>(
    fulfilled?: ((value: Result) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isWatched = true
    return super.then(fulfilled, rejected)
  }

  /** The error, if it has failed, and nobody but us knows. */
  get unseenFailure(): Error | undefined {
    return this.#isWatched ? undefined : this.#failure
  }
}
