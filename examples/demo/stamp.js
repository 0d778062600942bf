/** The ink stamp, as SVG. */
import { html } from './html.js'

/** The big one: says which page view this is, and sits a little differently each time. @param {number} number */
export function stamp(number) {
  const tilt = ((number * 47) % 25) - 16
  const date = new Date().toISOString().slice(0, 10)
  return html`<svg class="stamp" viewBox="0 0 320 320" role="img" aria-label="Page view ${number}">
    <defs>
      <path id="ring" d="M160 160m-112 0a112 112 0 1 1 224 0a112 112 0 1 1-224 0" />
      <filter id="ink" x="-5%" y="-5%" width="110%" height="110%">
        <feTurbulence type="fractalNoise" baseFrequency="0.04" numOctaves="3" seed="${number}" />
        <feDisplacementMap in="SourceGraphic" scale="3.2" result="edges" />
        <feTurbulence
          type="fractalNoise"
          baseFrequency="0.55"
          numOctaves="2"
          seed="${number + 7}"
        />
        <feColorMatrix values="0 0 0 0 0  0 0 0 0 0  0 0 0 0 0  0 0 0 -6 4.3" result="grain" />
        <feComposite in="edges" in2="grain" operator="in" />
      </filter>
    </defs>
    <g filter="url(#ink)" transform="rotate(${tilt} 160 160)">
      <g fill="none" stroke="currentColor">
        <circle cx="160" cy="160" r="148" stroke-width="6" />
        <circle cx="160" cy="160" r="138" stroke-width="1.5" />
        <circle cx="160" cy="160" r="96" stroke-width="2.5" />
      </g>
      <g fill="currentColor" text-anchor="middle">
        <text class="ring" text-anchor="start">
          <textPath href="#ring" textLength="700">
            HANDSTAMP ★ ON THE GUEST LIST ★ ADMIT AGAIN ★
          </textPath>
        </text>
        <text class="small" x="160" y="112">PAGE VIEW</text>
        <text class="number" x="160" y="${number > 999 ? 182 : 190}">${number}</text>
        <text class="small" x="160" y="222">${date}</text>
      </g>
    </g>
  </svg>`
}

/** The small one: two rings and a star. */
export function mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <g fill="none" stroke="currentColor">
      <circle cx="16" cy="16" r="14" stroke-width="2.6" />
      <circle cx="16" cy="16" r="10.2" stroke-width="1.2" />
    </g>
    <path
      fill="currentColor"
      d="m16 9.2 1.9 4.5 4.9.4-3.7 3.2 1.1 4.8-4.2-2.6-4.2 2.6 1.1-4.8-3.7-3.2 4.9-.4z"
    />
  </svg>`
}
