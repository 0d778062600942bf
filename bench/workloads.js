/** What visitors ask for: R reads one field, W changes one, M does either, N has no cookie. */

/** @typedef {{ path: string, cookie?: string }} Request */

/**
 * @typedef {object} Workload
 * @property {string} title
 * @property {(cookies: readonly string[]) => Request[]} requests in turn, over and over
 */

/** @type {Readonly<Record<string, Workload>>} */
export const workloads = {
  R: {
    title: 'read one field',
    requests: (cookies) => cookies.map((cookie) => ({ path: '/read', cookie })),
  },
  W: {
    title: 'change one field',
    requests: (cookies) => cookies.map((cookie) => ({ path: '/write', cookie })),
  },
  M: {
    title: 'nine reads, one change',
    // Ten times round, so that each session is changed once.
    requests: (cookies) =>
      Array.from({ length: 10 }, (_, round) =>
        cookies.map((cookie, at) => ({
          path: (at + round) % 10 === 0 ? '/write' : '/read',
          cookie,
        })),
      ).flat(),
  },
  N: {
    title: 'a visitor without a cookie',
    requests: (cookies) => cookies.map(() => ({ path: '/read' })),
  },
}
