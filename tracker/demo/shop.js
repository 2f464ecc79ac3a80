// The demo shop: fills the pages from the goods, keeps a cart in this browser, and tells the tracker about orders.
import { draw, products } from './products.js'

const CART_KEY = 'demo.cart'
const byId = new Map(products.map((product) => [product.id, product]))
const euros = (amount) => `€ ${amount}`

/** Makes an element; children are elements or text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

function readCart() {
  try {
    const entries = Object.entries(JSON.parse(localStorage.getItem(CART_KEY) || '{}'))
    return new Map(entries.filter(([id, count]) => byId.has(id) && Number.isInteger(count) && count > 0))
  } catch {
    return new Map()
  }
}

function writeCart(cart) {
  try {
    localStorage.setItem(CART_KEY, JSON.stringify(Object.fromEntries(cart)))
  } catch {
    // A cart that is forgotten is fine in a toy shop.
  }
  showCount()
}

/** The link of the main navigation that leads here says so. */
function markPage() {
  for (const link of document.querySelectorAll('nav a'))
    if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page')
}

function showCount() {
  const count = [...readCart().values()].reduce((sum, one) => sum + one, 0)
  const badge = document.querySelector('.badge')
  badge.textContent = String(count)
  badge.hidden = count === 0
}

function addButton(product) {
  const button = make(
    'button',
    {
      class: 'button',
      'data-logdrive-action': 'add_to_cart',
      'data-logdrive-product': product.id,
      'data-logdrive-price': String(product.price),
    },
    'Add to cart',
  )
  button.addEventListener('click', () => {
    const cart = readCart()
    cart.set(product.id, (cart.get(product.id) || 0) + 1)
    writeCart(cart)
    button.textContent = 'Added'
    setTimeout(() => {
      button.textContent = 'Add to cart'
    }, 1200)
  })
  return button
}

function card(product) {
  const link = make(
    'a',
    { href: `/demo/product?id=${product.id}`, class: 'card-link' },
    draw(product),
    make('h3', {}, product.name),
  )
  return make(
    'article',
    { class: 'card' },
    link,
    make('p', { class: 'row' }, make('span', { class: 'price' }, euros(product.price)), addButton(product)),
  )
}

function fillGrid(grid) {
  const wanted = grid.dataset.products
  const shown = wanted === 'all' ? products : wanted.split(',').map((id) => byId.get(id))
  grid.append(...shown.map(card))
}

function fillProduct(place) {
  const product = byId.get(new URLSearchParams(location.search).get('id')) || products[0]
  document.title = `${product.name}: Fell & Fen`
  place.append(
    draw(product),
    make(
      'div',
      {},
      make('p', { class: 'small' }, product.kind),
      make('h1', {}, product.name),
      make('p', {}, product.text),
      make(
        'p',
        { class: 'row' },
        make('span', { class: 'price large' }, euros(product.price)),
        addButton(product),
      ),
      make(
        'p',
        { class: 'small' },
        make('a', { href: '/demo/size-guide.pdf' }, 'Care and sizes (PDF)'),
        ': a link to a file that is not there, to see a download click.',
      ),
    ),
  )
  const related = products
    .filter((other) => other !== product && other.kind === product.kind)
    .concat(products.filter((other) => other.kind !== product.kind))
  document.querySelector('[data-related]').append(...related.slice(0, 4).map(card))
}

function fillResults(grid) {
  const term = (new URLSearchParams(location.search).get('q') || '').trim()
  const words = term.toLowerCase().split(/\s+/)
  const found = products.filter((product) => {
    const text = `${product.name} ${product.kind} ${product.text}`.toLowerCase()
    return term !== '' && words.every((word) => text.includes(word))
  })
  document.querySelector('input[type=search]').value = term
  const count = found.length === 1 ? '1 result' : `${found.length} results`
  document.querySelector('[data-search-title]').textContent =
    term === '' ? 'Search' : `${count} for “${term}”`
  grid.append(
    ...(found.length > 0
      ? found.map(card)
      : [
          make(
            'p',
            {},
            'Nothing here. Searches without a result are the most interesting rows of the table.',
          ),
        ]),
  )
}

function fillCart(place) {
  const cart = readCart()
  if (cart.size === 0) {
    place.replaceChildren(
      make('p', {}, 'Empty so far. ', make('a', { href: '/demo/products' }, 'All products')),
    )
    return
  }
  const change = (id, count) => {
    if (count > 0) cart.set(id, count)
    else cart.delete(id)
    writeCart(cart)
    fillCart(place)
  }
  const lines = [...cart].map(([id, count]) => {
    const product = byId.get(id)
    const less = make(
      'button',
      { class: 'round', 'aria-label': `One ${product.name} less`, 'data-logdrive-action': 'cart_less' },
      '−',
    )
    const more = make(
      'button',
      { class: 'round', 'aria-label': `One ${product.name} more`, 'data-logdrive-action': 'cart_more' },
      '+',
    )
    less.addEventListener('click', () => change(id, count - 1))
    more.addEventListener('click', () => change(id, count + 1))
    const name = make('a', { href: `/demo/product?id=${id}` }, product.name)
    return make(
      'li',
      {},
      draw(product),
      name,
      make('span', { class: 'row' }, less, String(count), more),
      make('span', { class: 'price' }, euros(product.price * count)),
    )
  })
  const total = [...cart].reduce((sum, [id, count]) => sum + byId.get(id).price * count, 0)
  const order = make(
    'button',
    { class: 'button', 'data-logdrive-action': 'checkout' },
    `Order for ${euros(total)}`,
  )
  order.addEventListener('click', () => {
    window.logdrive.track('order', { value: total, currency: 'EUR', items: [...cart.keys()].join(' ') })
    writeCart(new Map())
    place.replaceChildren(
      make('p', {}, 'Thank you. The order became one row in logdrive.events; nothing else happened.'),
    )
  })
  place.replaceChildren(make('ul', {}, ...lines), make('p', { class: 'row end' }, order))
}

for (const [selector, fill] of [
  ['[data-products]', fillGrid],
  ['[data-product]', fillProduct],
  ['[data-results]', fillResults],
  ['[data-cart]', fillCart],
]) {
  for (const place of document.querySelectorAll(selector)) fill(place)
}
showCount()
markPage()
