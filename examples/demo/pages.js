/** The pages of the demo, as text. */
import { deviceList } from './devices.js'
import { goods } from './goods.js'
import { html } from './html.js'
import { mark, stamp } from './stamp.js'
import { time } from './time.js'

const STAMPS_PER_CARD = 20

/**
 * @typedef {object} View
 * @property {import('handstamp').Session<import('./app.js').Guest>} session
 * @property {readonly import('./devices.js').Device[]} devices where the user is signed in
 * @property {import('./app.js').Notice | undefined} notice
 * @property {boolean} isSignedOut the visitor comes from signing out
 * @property {string} place where sessions are kept, in words
 * @property {((handle: string) => string) | undefined} keyOf
 */

/** @param {View} view */
export function homePage(view) {
  const { session, devices, place } = view
  const { views = 0, meta } = session
  return page(
    'handstamp demo',
    html`
      <header class="top">
        <p class="brand">${mark()} handstamp <span>demo</span></p>
        <p class="place">sessions in ${place}</p>
      </header>

      ${noticeOf(view)}

      <main>
        <section class="hero">
          <div>
            <h1>${greeting(views, meta.userId)}</h1>
            <p>
              A browser gets a stamp, the server keeps the guest list. All you do on this page is
              kept in one session: reload it, open it in a second tab, come back later.
            </p>
            ${meta.userId === undefined ? signInForm() : signOutForm(session)}
          </div>
          ${stamp(views)}
        </section>

        ${devices.length > 0 && deviceList(devices)} ${card(session)} ${stall(session)}
        ${record(view)}
      </main>

      <footer>
        <p>
          The source of this page is in <code>examples/demo</code>. Start it with
          <code>REDIS_URL=redis://localhost npm start</code> to keep its sessions in Redis.
        </p>
      </footer>
    `,
  )
}

/** @type {Record<number, string>} */
const REASONS = {
  400: 'This form was not filled in as it should be.',
  403: 'This form was sent from another site, or the browser did not say from where.',
  404: 'There is nothing at this address.',
  409: 'The session changed meanwhile. Please try again.',
  413: 'That is more than the form can hold.',
  415: 'This is not a form.',
  503: 'The session store does not answer. The terminal says why; your cookie is untouched.',
}

/** @param {number} status */
export function errorPage(status) {
  return page(
    `${status}`,
    html`<main class="error">
      ${mark()}
      <h1>${status}</h1>
      <p>${REASONS[status] ?? 'Something went wrong. The terminal says what.'}</p>
      <p><a href="/">Back to the door</a></p>
    </main>`,
  )
}

/** @param {string} title @param {import('./html.js').Html} body */
function page(title, body) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
        <script src="/script.js" type="module"></script>
      </head>
      <body>
        ${body}
      </body>
    </html> `
}

/** @param {number} views @param {string} [name] */
function greeting(views, name) {
  if (name !== undefined) return `Good to see you, ${name}.`
  return views <= 1 ? 'Here is your stamp.' : 'You are on the list.'
}

/** @param {View} view */
function noticeOf({ notice, isSignedOut, session: { meta } }) {
  if (notice?.kind === 'signed-in' && meta.userId !== undefined) {
    return shown(html`
      Signed in as <b>${meta.userId}</b>. The session kept its data and got a new id; the old one
      opens nothing any more. Its handle was <code>${short(notice.before)}</code> and is
      <code>${short(meta.handle)}</code> now.
    `)
  }
  if (notice?.kind === 'cart') {
    const name = goods.find(({ sku }) => sku === notice.sku)?.name
    return shown(html`<b>${name}</b> ${notice.added ? 'put into' : 'taken out of'} the cart.`)
  }
  if (notice?.kind === 'revoked') return shown(html`${revoked(notice.count)}`)
  if (isSignedOut && meta.userId === undefined) {
    return shown(
      html`Signed out. The session has ended, its cookie was cleared; this is a new one.`,
    )
  }
  return undefined
}

/** @param {number} count */
function revoked(count) {
  if (count === 0) return 'That session had ended already.'
  return `${count === 1 ? 'One session was' : `${count} sessions were`} signed out.`
}

/** @param {import('./html.js').Html} text */
function shown(text) {
  return html`<p class="notice" role="status">${text}</p>`
}

function signInForm() {
  return html`<form class="sign-in" method="post" action="/sign-in">
    <label for="name">Your name</label>
    <div class="row">
      <input id="name" name="name" required maxlength="40" autocomplete="nickname" />
      <button>Sign in</button>
    </div>
    <label class="check">
      <input type="checkbox" name="remember" />
      Remember me: a cookie that outlives the browser, 30 days at most
    </label>
  </form>`
}

/** @param {View['session']} session */
function signOutForm({ meta }) {
  const { signedInAt = meta.createdAt } = meta
  return html`<form class="sign-in" method="post" action="/sign-out">
    <p>
      Signed in ${time(signedInAt, 'time')},
      ${meta.persistent ? 'remembered by this browser' : 'until the browser closes'}.
    </p>
    <div class="row"><button class="quiet">Sign out</button></div>
  </form>`
}

/** The card that proves that parallel increments all count. @param {View['session']} session */
function card({ stamps = 0 }) {
  const onCard = stamps === 0 ? 0 : ((stamps - 1) % STAMPS_PER_CARD) + 1
  const cells = Array.from({ length: STAMPS_PER_CARD }, (_, at) => {
    return html`<li class="${at < onCard ? 'stamped' : ''}">${at < onCard ? mark() : at + 1}</li>`
  })
  return html`<section class="card" id="card">
    <h2>Stamp card <output>${stamps}</output></h2>
    <p>
      Twenty requests at once, each adds one to the same field. <code>increment</code> is one step
      of the store, so all twenty count.
    </p>
    <ol class="stamps" aria-label="${onCard} of ${STAMPS_PER_CARD} stamped">
      ${cells}
    </ol>
    <form method="post" action="/stamps" class="row">
      <button class="quiet">One stamp</button>
      <button type="button" data-at-once="${STAMPS_PER_CARD}" hidden>Twenty at once</button>
    </form>
  </section>`
}

/** @param {View['session']} session */
function stall({ cart = {} }) {
  const total = goods.reduce((sum, { sku, cents }) => sum + cents * (cart[sku] ?? 0), 0)
  return html`<section class="stall" id="stall">
    <h2>Stall <output>${euros(total)}</output></h2>
    <p>
      <code>update</code> reads and writes the cart in one step: two tabs can shop at the same time.
    </p>
    <ul class="goods">
      ${goods.map(
        ({ sku, name, cents }) =>
          html`<li>
            <span class="name">${name}</span>
            <span class="price">${euros(cents)}</span>
            <form method="post" action="/cart" class="count">
              <input type="hidden" name="sku" value="${sku}" />
              <button
                class="quiet"
                name="change"
                value="remove"
                aria-label="Remove one ${name}"
                ${cart[sku] ? undefined : html`disabled`}
              >
                &minus;
              </button>
              <b>${cart[sku] ?? 0}</b>
              <button class="quiet" name="change" value="add" aria-label="Add one ${name}">
                +
              </button>
            </form>
          </li>`,
      )}
    </ul>
  </section>`
}

/** What the session holds and when it ends. @param {View} view */
function record({ session, keyOf }) {
  const { handle = '', createdAt, idleDeadline, absoluteDeadline } = session.meta
  return html`<section class="record">
    <h2>What this session holds</h2>
    <div class="columns">
      <pre tabindex="0">${JSON.stringify(session, undefined, 2)}</pre>
      <dl>
        ${
          session.meta.userId !== undefined &&
          html`<dt>User</dt>
            <dd>${session.meta.userId}</dd>`
        }
        <dt>Handle</dt>
        <dd><code>${handle}</code> <small>public; the id is in your cookie only</small></dd>
        ${
          keyOf &&
          html`<dt>Key in Redis</dt>
            <dd><code>${keyOf(handle)}</code></dd>`
        }
        <dt>Created</dt>
        <dd>${time(createdAt, 'time')}</dd>
        <dt>Ends if you stay away</dt>
        <dd>${time(idleDeadline, 'countdown')} <small>idle timeout</small></dd>
        <dt>Ends in any case</dt>
        <dd>${time(absoluteDeadline, 'countdown')} <small>absolute timeout</small></dd>
      </dl>
    </div>
  </section>`
}

/** @param {number} cents */
function euros(cents) {
  return `€ ${(cents / 100).toFixed(2)}`
}

/** Enough of a handle to tell two of them apart. @param {string} [handle] */
function short(handle = '') {
  return `${handle.slice(0, 7)}…`
}
