/** One piece of work after the other, whatever becomes of the one before. */
export class Queue {
  #last: Promise<unknown> | undefined

  run<Value>(work: () => Promise<Value>): Promise<Value> {
    const run = this.#last ? this.#last.then(work) : work()
    const tail = run.then(
      () => undefined,
      () => undefined,
    )
    this.#last = tail
    void tail.then(() => {
      if (this.#last === tail) this.#last = undefined
    })
    return run
  }

  /** Resolves when nothing is under way; undefined where nothing is. */
  get busy(): Promise<unknown> | undefined {
    return this.#last
  }
}
