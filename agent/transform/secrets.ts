// Secrets that begin as their issuer has them begin: keys of clouds and services, JWT, private keys in PEM.
import type { Found } from './found.ts'

/** A kind of secret: what it begins with, and all of it from there. */
interface Shape {
  readonly begins: readonly string[]
  readonly whole: RegExp
}

const alphanumericBehind = '(?![A-Za-z0-9])'

/** JSON Web Tokens, signed (RFC 7519) and encrypted (RFC 7516): a header `{"...` in base64url, and two to four parts. */
const jwtBegin = 'eyJ'
const jwt = /eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}/y
const part = /[A-Za-z0-9_-]+/y

const keys: readonly Shape[] = [
  { begins: ['AKIA', 'ASIA'], whole: new RegExp(`(?:AKIA|ASIA)[A-Z2-7]{16}${alphanumericBehind}`, 'y') },
  { begins: ['AIza'], whole: /AIza[A-Za-z0-9_-]{35}/y },
  { begins: ['ya29.'], whole: /ya29\.[A-Za-z0-9_-]{20,}/y },
  { begins: ['GOCSPX-'], whole: /GOCSPX-[A-Za-z0-9_-]{20,}/y },
  { begins: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'], whole: /gh[pousr]_[A-Za-z0-9]{36,255}/y },
  { begins: ['github_pat_'], whole: /github_pat_[A-Za-z0-9_]{22,255}/y },
  { begins: ['glpat-'], whole: /glpat-[A-Za-z0-9_-]{20,}/y },
  {
    begins: ['xoxa-', 'xoxb-', 'xoxe-', 'xoxe.', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-'],
    whole: /xox[abeoprs][.-][A-Za-z0-9.-]{10,}/y,
  },
  { begins: ['xapp-'], whole: /xapp-[A-Za-z0-9-]{10,}/y },
  {
    begins: ['hooks.slack.com/services/'],
    whole: /hooks\.slack\.com\/services\/[A-Z0-9]+\/[A-Z0-9]+\/[A-Za-z0-9]+/y,
  },
  { begins: ['sk_live_', 'rk_live_'], whole: /[sr]k_live_[A-Za-z0-9]{16,}/y },
  { begins: ['sk-ant-', 'sk-proj-'], whole: /sk-(?:ant|proj)-[A-Za-z0-9_-]{20,}/y },
  { begins: ['npm_'], whole: /npm_[A-Za-z0-9]{36}/y },
  { begins: ['AccountKey='], whole: /AccountKey=[A-Za-z0-9+/]{86}==/y },
]

/** A private key in PEM, to its end or, where that is missing, to the end of the text. */
const pemBegins = ['-----BEGIN ']
const pemHead = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/y
const pemTail = /-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g

/** The secret of an AWS key is told by the name before it, or by the id of the key in the same text. */
const awsNames = ['ecret', 'ECRET']
const awsNamed =
  /(?:aws_?)?secret_?(?:access_?)?key[\\"']{0,4}\s{0,8}(?:=>|[:=])\s{0,8}[\\"']{0,4}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi
const awsAlone = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
const awsId = new RegExp(`(?:AKIA|ASIA)[A-Z2-7]{16}${alphanumericBehind}`)

/** What a text with a secret of these kinds has in it, at least one of them. */
export const jwtNeedles: readonly string[] = [jwtBegin]
export const keyNeedles: readonly string[] = [
  ...keys.flatMap(({ begins }) => begins),
  ...pemBegins,
  ...awsNames,
]

/** JSON Web Tokens of a text. */
export function findTokens(text: string): readonly Found[] {
  const found: Found[] = []
  for (let from = text.indexOf(jwtBegin); from !== -1; from = text.indexOf(jwtBegin, from)) {
    jwt.lastIndex = from
    const value = jwt.exec(text)?.[0]
    if (value !== undefined) found.push({ from, to: from + value.length, value })
    // A search that begins further inside of this part would fail at the same place.
    part.lastIndex = from
    from += value?.length ?? part.exec(text)?.[0].length ?? 1
  }
  return found
}

/** Keys of clouds and services, and private keys. */
export function findKeys(text: string): readonly Found[] {
  const found = [
    ...keys.flatMap((shape) => findShape(text, shape)),
    ...findPem(text),
    ...findAwsSecrets(text),
  ]
  return withoutOverlaps(found)
}

/** In order; of two that overlap the one that begins first. */
function withoutOverlaps(found: readonly Found[]): readonly Found[] {
  let end = 0
  return [...found]
    .sort((left, right) => left.from - right.from || right.to - left.to)
    .filter(({ from, to }) => {
      if (from < end) return false
      end = to
      return true
    })
}

function findShape(text: string, { begins, whole }: Shape): readonly Found[] {
  const found: Found[] = []
  for (const begin of begins) {
    for (let from = text.indexOf(begin); from !== -1; from = text.indexOf(begin, from)) {
      whole.lastIndex = from
      const value = whole.exec(text)?.[0]
      // What is no secret was looked at for a bounded length: the next search may begin inside of it.
      if (value !== undefined) found.push({ from, to: from + value.length, value })
      from += value?.length ?? 1
    }
  }
  return found
}

function findPem(text: string): readonly Found[] {
  const found: Found[] = []
  for (let from = text.indexOf('-----BEGIN '); from !== -1; from = text.indexOf('-----BEGIN ', from)) {
    pemHead.lastIndex = from
    if (!pemHead.test(text)) {
      from += 1
      continue
    }
    pemTail.lastIndex = pemHead.lastIndex
    const to = pemTail.test(text) ? pemTail.lastIndex : text.length
    found.push({ from, to, value: text.slice(from, to) })
    from = to
  }
  return found
}

function findAwsSecrets(text: string): readonly Found[] {
  const named = [...text.matchAll(awsNamed)].map((match) => {
    const value = match[1] as string
    const to = match.index + match[0].length
    return { from: to - value.length, to, value }
  })
  if (!awsId.test(text)) return named
  const alone = [...text.matchAll(awsAlone)].filter(([value]) => isMixed(value))
  return [...named, ...alone.map(({ 0: value, index: from }) => ({ from, to: from + value.length, value }))]
}

/** Forty characters of base64 and not, say, the hexadecimal digits of a commit. */
function isMixed(value: string): boolean {
  return /[A-Z]/.test(value) && /[a-z]/.test(value) && /[0-9/+]/.test(value)
}
