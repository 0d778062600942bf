/** "Your devices": the live sessions of the user who looks at the page. */
import { html } from './html.js'
import { mostDevices } from './limits.js'
import { time } from './time.js'

/** @typedef {import('handstamp').SessionInfo} Device one session, as the library lists it */

/** @param {readonly Device[]} devices */
export function deviceList(devices) {
  const others = devices.length - 1
  return html`<section class="devices" id="devices">
    <h2>Your devices <output>${devices.length}</output></h2>
    <p>
      Every browser that is signed in with this name. Sign one out: its next click finds itself
      outside. At most ${mostDevices}; one more ends the session that began first.
    </p>
    <ul>
      ${devices.map(row)}
    </ul>
    <form method="post" action="/devices/sign-out-others">
      <button class="quiet" ${others > 0 ? undefined : html`disabled`}>
        Sign out everywhere else
      </button>
    </form>
  </section>`
}

/** @param {Device} device */
function row({ handle, device, createdAt, signedInAt, lastSeenAt, expiresAt, isCurrent }) {
  const label = device?.label ?? 'Unknown device'
  return html`<li data-handle="${handle}" ${isCurrent ? html`aria-current="true"` : undefined}>
    <p>
      <b>${label}</b>
      ${isCurrent ? html`<em>this device</em>` : html`<small>${device?.ip}</small>`}
    </p>
    <p class="times">
      <span>signed in ${time(signedInAt ?? createdAt, 'time')}</span>
      <span>last seen ${time(lastSeenAt, 'time')}</span>
      <span>ends ${time(expiresAt, 'countdown')}</span>
    </p>
    ${isCurrent ? undefined : signOutForm(handle, label)}
  </li>`
}

/** @param {string} handle @param {string} label */
function signOutForm(handle, label) {
  return html`<form method="post" action="/devices/sign-out">
    <input type="hidden" name="handle" value="${handle}" />
    <button class="quiet" aria-label="Sign out ${label}">Sign out</button>
  </form>`
}
