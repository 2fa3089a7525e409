// What is said on the wire: canonical bytes, hashes, signatures, topics. Nothing here reads or writes anything.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'

export const LARGEST = 65_536 // bytes of a message
const DEEPEST = 64
export const NO_HASH = '0'.repeat(64)

// RFC 8785: members sorted by UTF-16 code units, numbers and texts as JSON.stringify writes them.
export function canonical(value, depth = 0) {
  if (depth > DEEPEST) throw new RangeError('nested too deep')
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one, depth + 1)).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name], depth + 1)}`)
  return `{${members.join(',')}}`
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

// A raw Ed25519 public key as 64 hex digits, which is how keys are handed over.
export function publicKey(hex) {
  const x = Buffer.from(hex, 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

export const rawHex = (key) => Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url').toString('hex')
export const kidOf = (hex) => sha256(Buffer.from(hex, 'hex')).slice(0, 8)
export const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })
export const readKey = (pem) => createPrivateKey(pem)

// The object in these bytes when it is signed by this key, else null. `form` is base64 (records, births) or base64url.
export function signedBy(bytes, hex, form) {
  if (!hex) return null // nobody's key
  const { sig, ...rest } = parse(bytes) ?? {}
  if (typeof sig !== 'string' || rest.kid !== kidOf(hex)) return null
  const signature = Buffer.from(sig, form)
  if (signature.toString(form) !== sig) return null // one form only: else other bytes would verify, too
  return verify(null, Buffer.from(canonical(rest)), publicKey(hex), signature) ? { ...rest, sig } : null
}

// The object in these bytes; null for anything else, and for one without a canonical form.
export function parse(bytes) {
  try {
    const value = JSON.parse(bytes.toString('utf8'))
    return canonical(value).startsWith('{') ? value : null
  } catch {
    return null
  }
}

// Acknowledgements and commands: later words are issued later, to the microsecond.
let last = 0n
function issuedNow() {
  const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))
  last = now > last ? now : last + 1n
  return `${new Date(Number(last / 1000n)).toISOString().slice(0, -1)}${String(last % 1000n).padStart(3, '0')}Z`
}

export function seal(fields, station, key) {
  const whole = { ...fields, station, issued: issuedNow(), kid: kidOf(rawHex(key)) }
  const sig = sign(null, Buffer.from(canonical(whole)), key).toString('base64url')
  return Buffer.from(canonical({ ...whole, sig }))
}

// Whether the new key of a key.rotated says itself that it follows the old one at this station.
export function proven({ old_key: old, new_key: fresh, proof }, station) {
  if (![old, fresh].every((hex) => /^[0-9a-f]{64}$/.test(hex)) || old === fresh || typeof proof !== 'string') return false
  const said = Buffer.concat([Buffer.from(`MEDGE-KEY1\0${station}`), Buffer.from(old, 'hex'), Buffer.from(fresh, 'hex')])
  return verify(null, said, publicKey(fresh), Buffer.from(proof, 'base64'))
}

// mkt/1/{region}/{node}/{TT}/{what}[/{name}] → its parts, or null.
export function placeOf(topic) {
  const found = /^mkt\/1\/(\d{6})\/(\d{9})\/(\d{2})\/(evt|alm|state|res|pho)(?:\/([0-9A-Za-z_-]+))?$/.exec(topic)
  if (!found) return null
  const [, region, node, terminal, what, name] = found
  return { base: `mkt/1/${region}/${node}/${terminal}`, node, station: `${node}-${terminal}`, what, name }
}
