/** A point that one side waits at until the other opens it. */
export interface Barrier<Value = void> {
  readonly passed: Promise<Value>
  open(value: Value): void
}

export function barrier<Value = void>(): Barrier<Value> {
  let open!: (value: Value) => void
  const passed = new Promise<Value>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
