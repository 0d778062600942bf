/** Reads the body of a posted form, and no more of it than a form can be. */
const MOST_BYTES = 2048

/**
 * @param {import('koa').Context} ctx
 * @returns {Promise<URLSearchParams>}
 */
export async function readForm(ctx) {
  if (!ctx.is('application/x-www-form-urlencoded')) ctx.throw(415)
  /** @type {Buffer[]} */
  const chunks = []
  let bytes = 0
  for await (const chunk of ctx.req) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) ctx.throw(413)
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
