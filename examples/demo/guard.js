/** What protects the page: headers on every response, and no POST from other sites. */

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** @param {import('koa').Context} ctx */
export function setHeaders(ctx) {
  ctx.set({
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    // Not no-referrer: browsers would then send `Origin: null` with the forms of this page.
    'Referrer-Policy': 'same-origin',
  })
}

/**
 * A form on another site can post here with this site's cookies; the browser says where it came
 * from. SameSite=Lax alone does not stop sibling subdomains.
 *
 * @param {import('koa').Context} ctx
 */
export function refuseForeignPost(ctx) {
  if (ctx.method === 'GET' || ctx.method === 'HEAD') return
  const site = ctx.get('Sec-Fetch-Site')
  // Not ctx.origin: Koa takes that from the very header in question.
  const own = `${ctx.protocol}://${ctx.host}`
  const isOwn = site === '' ? ctx.get('Origin') === own : site === 'same-origin'
  if (!isOwn) ctx.throw(403)
}
