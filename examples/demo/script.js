// @ts-nocheck: the types of this project are those of Node.js
/** What the page does with a script and can do without: local times, countdowns, many stamps at once. */

const times = document.querySelectorAll('time')

showTimes()
setInterval(showTimes, 1000)

for (const button of document.querySelectorAll('[data-at-once]')) {
  const count = Number(button.getAttribute('data-at-once'))
  button.removeAttribute('hidden')
  button.addEventListener('click', async () => {
    button.setAttribute('disabled', '')
    const requests = Array.from({ length: count }, () =>
      fetch('/stamps', { method: 'POST', redirect: 'manual' }),
    )
    await Promise.allSettled(requests)
    location.reload()
  })
}

function showTimes() {
  for (const element of times) {
    const date = new Date(element.dateTime)
    const isCountdown = element.dataset['kind'] === 'countdown'
    element.textContent = isCountdown ? untilText(date) : clockText(date)
  }
}

function clockText(date) {
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? date.toLocaleTimeString() : date.toLocaleString()
}

function untilText(date) {
  const seconds = Math.ceil((date.getTime() - Date.now()) / 1000)
  if (seconds <= 0) return 'over'
  const days = Math.floor(seconds / 86_400)
  const clock = [(seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60]
    .map((part) => String(Math.floor(part)).padStart(2, '0'))
    .join(':')
  return days > 0 ? `in ${days} d ${clock}` : `in ${clock}`
}
