/** Whether a cookie's path covers the path of a request. */

/** RFC 6265bis section 5.1.4: `/a` covers `/a` and `/a/b`, but not `/ab`. */
export function covers(cookiePath: string, path: string): boolean {
  if (cookiePath === '/' || path === cookiePath) return true
  if (!path.startsWith(cookiePath)) return false
  return cookiePath.endsWith('/') || path[cookiePath.length] === '/'
}
