// The demo shop's goods, with a drawing each.

export const products = [
  {
    id: 'mug',
    name: 'Enamel mug',
    price: 14,
    kind: 'kitchen',
    text: 'Holds tea, soup, or brushes. Chips with dignity.',
    hue: 200,
    art: '<path d="M30 34h34v40a6 6 0 0 1-6 6H36a6 6 0 0 1-6-6z" fill="f1"/><path d="M64 42h8a8 8 0 0 1 8 8v6a12 12 0 0 1-12 12h-4v-7h3a6 6 0 0 0 6-6v-3a3 3 0 0 0-3-3h-6z" fill="f2"/>',
  },
  {
    id: 'blanket',
    name: 'Wool blanket',
    price: 89,
    kind: 'home',
    text: 'Woven in one piece, heavy enough to end a discussion.',
    hue: 12,
    art: '<rect x="24" y="30" width="58" height="50" rx="4" fill="f1"/><path d="M24 42h58v6H24zm0 14h58v6H24z" fill="f2"/><path d="M26 80v6m8-6v6m8-6v6m8-6v6m8-6v6m8-6v6m8-6v6" stroke="s2" stroke-width="3"/>',
  },
  {
    id: 'boots',
    name: 'Trail boots',
    price: 149,
    kind: 'clothing',
    text: 'Waterproof to the ankle, honest above it.',
    hue: 28,
    art: '<path d="M36 26h22v28l20 10c5 2 6 8 6 12H36z" fill="f1"/><path d="M34 76h52v7H34z" fill="f2"/><path d="M46 36h12m-12 9h12" stroke="s2" stroke-width="3"/>',
  },
  {
    id: 'lamp',
    name: 'Field lamp',
    price: 59,
    kind: 'home',
    text: 'Forty hours of warm light, no app.',
    hue: 44,
    art: '<path d="M40 34h26l6 36H34z" fill="f1"/><path d="M46 24h14v8H46zM32 72h42v9H32z" fill="f2"/><circle cx="53" cy="54" r="9" fill="f3"/>',
  },
  {
    id: 'jacket',
    name: 'Rain jacket',
    price: 119,
    kind: 'clothing',
    text: 'For weather that is described as characterful.',
    hue: 165,
    art: '<path d="M42 26h22l18 12-6 16-8-4v34H38V50l-8 4-6-16z" fill="f1"/><path d="M51 26h4v58h-4z" fill="f2"/>',
  },
  {
    id: 'tote',
    name: 'Canvas tote',
    price: 24,
    kind: 'bags',
    text: 'Carries a week of bread or one library.',
    hue: 60,
    art: '<path d="M28 44h50l-4 40H32z" fill="f1"/><path d="M40 44c0-20 26-20 26 0" fill="none" stroke="s2" stroke-width="4"/>',
  },
  {
    id: 'kettle',
    name: 'Camp kettle',
    price: 46,
    kind: 'kitchen',
    text: 'Whistles in a minor key.',
    hue: 220,
    art: '<path d="M34 46h36c8 8 10 20 8 36H28c-2-16 0-28 6-36z" fill="f1"/><path d="M40 46c0-18 24-18 24 0M76 56l12-8" fill="none" stroke="s2" stroke-width="4"/>',
  },
  {
    id: 'socks',
    name: 'Wool socks',
    price: 18,
    kind: 'clothing',
    text: 'Two of them, nearly the same.',
    hue: 340,
    art: '<path d="M38 24h20v34l14 12c6 6 0 16-8 14L42 72c-3-3-4-5-4-9z" fill="f1"/><path d="M38 24h20v8H38zm0 14h20v4H38z" fill="f2"/>',
  },
  {
    id: 'notebook',
    name: 'Paper notebook',
    price: 12,
    kind: 'desk',
    text: 'Works offline. Has always worked offline.',
    hue: 250,
    art: '<rect x="32" y="24" width="44" height="60" rx="4" fill="f1"/><path d="M40 24h5v60h-5z" fill="f2"/><path d="M52 40h16m-16 10h16m-16 10h10" stroke="s2" stroke-width="3"/>',
  },
  {
    id: 'stool',
    name: 'Oak stool',
    price: 135,
    kind: 'home',
    text: 'Three legs, so it never wobbles.',
    hue: 34,
    art: '<ellipse cx="53" cy="40" rx="28" ry="9" fill="f1"/><path d="m34 46-8 38m46-38 8 38M53 49v35" stroke="s2" stroke-width="5" stroke-linecap="round"/>',
  },
  {
    id: 'candle',
    name: 'Beeswax candle',
    price: 9,
    kind: 'home',
    text: 'Smells faintly of July.',
    hue: 48,
    art: '<rect x="42" y="42" width="22" height="42" rx="3" fill="f1"/><path d="M53 42v-6" stroke="s2" stroke-width="3"/><path d="M53 18c7 8 7 16 0 18-7-2-7-10 0-18z" fill="f3"/>',
  },
  {
    id: 'apron',
    name: 'Linen apron',
    price: 38,
    kind: 'kitchen',
    text: 'With a pocket for the spoon you are looking for.',
    hue: 185,
    art: '<path d="M42 26h22v16l12 6v36H30V48l12-6z" fill="f1"/><path d="M42 58h22v14H42z" fill="f2"/><path d="M42 26c0-8 22-8 22 0" fill="none" stroke="s2" stroke-width="3"/>',
  },
]

/** The drawing of a product as an SVG element. */
export function draw(product) {
  const tone = (lightness, saturation = 34) => `hsl(${product.hue} ${saturation}% ${lightness}%)`
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 106 106')
  svg.setAttribute('aria-hidden', 'true')
  svg.style.background = tone(90, 40)
  svg.innerHTML = product.art
    .replaceAll('"f1"', `"${tone(54)}"`)
    .replaceAll('"f2"', `"${tone(38)}"`)
    .replaceAll('"f3"', `"hsl(42 90% 66%)"`)
    .replaceAll('"s2"', `"${tone(32)}"`)
  return svg
}
