/** Contract: how one field's value becomes text and back. */
export interface Codec {
  /** One line of JSON text, or undefined for a value that is not to be stored. */
  encode(value: unknown): string | undefined
  decode(text: string): unknown
}

/** The default. `JSON.parse` of a whole document reads all fields in one go, so it is recognised by identity. */
export const jsonCodec: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
}
