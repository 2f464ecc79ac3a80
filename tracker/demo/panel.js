// The panel at the bottom of each page: the events that really left, what the collector answered, and SQL to try.

const QUERIES = {
  index: `SELECT path, count() AS views, uniq(anonymous_id) AS visitors
FROM logdrive.page_views WHERE site_id = 'demo'
GROUP BY path ORDER BY views DESC LIMIT 10`,
  products: `SELECT ts, path, el_text, action, selector
FROM logdrive.clicks WHERE site_id = 'demo'
ORDER BY ts DESC LIMIT 10`,
  product: `SELECT props_string['product'] AS product, count() AS added
FROM logdrive.clicks WHERE site_id = 'demo' AND action = 'add_to_cart'
GROUP BY product ORDER BY added DESC`,
  search: `SELECT search_term, count() AS times, uniq(anonymous_id) AS visitors
FROM logdrive.searches WHERE site_id = 'demo'
GROUP BY search_term ORDER BY times DESC LIMIT 10`,
  cart: `SELECT event, count() AS times, sum(value) AS total
FROM logdrive.events WHERE site_id = 'demo'
GROUP BY event`,
}

const HTML = `
  <h2>What is being tracked</h2>
  <p class="small">The events of this tab, as the tracker sends them. <b>stored</b> means that the collector had them
    on disk before it answered.</p>
  <ol class="events"></ol>
  <p class="row">
    <button class="button quiet" data-logdrive-action="try_error">Throw an error</button>
    <button class="button quiet" data-logdrive-action="try_identify">Sign in as Ada</button>
    <button class="button quiet" data-logdrive-action="try_metric">Send a metric</button>
    <button class="button quiet" data-logdrive-action="try_reset">Forget me</button>
  </p>
  <h2>Ask for it</h2>
  <p class="small">In a terminal with <code>npx logdrive sql "…"</code>, or in any ClickHouse client on port 8123.</p>
  <div class="sql"><pre></pre><button class="button quiet" data-logdrive-action="copy_sql">Copy</button></div>`

function describe({ type, props, url }) {
  if (type === 'page_view') return new URL(url).pathname + new URL(url).search
  if (type === 'click') {
    const where = props.href && `→ ${props.href.replace(location.origin, '')}`
    return [props.action, props.el_text, where].filter(Boolean).join(' · ')
  }
  if (type === 'search') return `“${props.search_term}” (${props.source})`
  if (type === 'metric') return `${props.metric} = ${Number(props.value.toFixed(3))} ${props.unit || ''}`
  if (type === 'identify') return props.user_id
  return props.message || JSON.stringify(props)
}

function line({ event, state }) {
  const item = document.createElement('li')
  for (const [name, text] of [
    ['time', new Date(event.ts).toLocaleTimeString('en-GB')],
    [`kind ${event.type}`, event.type.replace('_', ' ')],
    ['about', describe(event)],
    [`state ${state.split(' ')[0]}`, state],
  ]) {
    const cell = document.createElement('span')
    cell.className = name
    cell.textContent = text
    item.append(cell)
  }
  return item
}

function open() {
  const panel = document.createElement('section')
  panel.className = 'live'
  panel.setAttribute('aria-label', 'What is being tracked')
  panel.innerHTML = HTML
  document.querySelector('main').after(panel)

  const list = panel.querySelector('ol')
  const show = () => {
    const entries = [...window.demoEvents.values()].reverse().sort((a, b) => b.event.ts - a.event.ts)
    list.replaceChildren(...entries.map(line))
  }
  addEventListener('demo-events', show)
  show()

  const sql = QUERIES[location.pathname.slice('/demo/'.length) || 'index']
  panel.querySelector('pre').textContent = sql
  const { logdrive } = window
  const actions = {
    try_error: () => {
      throw new Error('a demonstration, thrown on purpose')
    },
    try_identify: () => logdrive.identify('ada', { name: 'Ada', plan: 'demo' }),
    try_metric: () => logdrive.metric('demo_dice', 1 + Math.floor(Math.random() * 6), { unit: 'pips' }),
    try_reset: () => logdrive.reset(),
    copy_sql: () => navigator.clipboard.writeText(sql),
  }
  for (const button of panel.querySelectorAll('button')) {
    button.addEventListener('click', () => actions[button.dataset.logdriveAction]())
  }
}

open()
