// One station as the city has it: which records, up to where without a gap, and what may follow. No files, no network.
import { canonical, NO_HASH, parse, proven, sha256, signedBy } from './wire.mjs'

const TYPE = /^cn\.marketedge\.market\.([a-z]+\.[a-z]+)\.v1$/

export class Chain {
  records = new Map() // sequence → { hash, prevhash, kind, data }
  ids = new Map() // id → sequence
  upto = 0
  head = NO_HASH
  serials = {}
  alarm = ''
  gone = 0 // its records up to this one have left it, as its newest birth says …
  bornAt = '' // … of this time
  passed = [] // { from, to, missing }: what upto went over because of that
  #point = 0 // up to which number a ledger.checkpoint names them
  #ownCode

  constructor(station, keyHex) {
    this.station = station
    this.keys = keyHex ? [{ hex: keyHex, until: Infinity }] : [] // the newest last; `until` is its last record
    const [node, terminal] = station.split('-')
    this.#ownCode = new RegExp(`(?<![0-9])${node}([0-9])${terminal}([0-9]{7})[0-9](?![0-9])`, 'g')
  }

  // What comes of a record: { record } is new and to be stored, { id } is here already, { rejected } is told to the
  // station; `genuine` that it signed it. Of bytes without an id nothing comes. Only `put` changes the chain.
  judge(bytes) {
    const event = parse(bytes)
    if (typeof event?.id !== 'string') return {}
    const refuse = (code, reason, genuine = true) => ({ rejected: { id: event.id.slice(0, 64), code, reason }, genuine })
    if (!this.keys.length) return refuse('unknown_key', 'no key of this station is registered', false)
    if (canonical(event) !== bytes.toString('utf8')) return refuse('unreadable', 'not in canonical form', false)
    const key = this.keys.find(({ hex }) => signedBy(bytes, hex, 'base64'))
    if (!key) return refuse('bad_signature', 'the signature does not fit', false)
    if (!event.source?.endsWith(`/edge/${this.station}`)) return refuse('wrong_source', 'of another station')
    const { id, prevhash, data } = event
    const kind = TYPE.exec(event.type)?.[1]
    const sequence = /^[0-9]{20}$/.test(event.sequence) ? Number(event.sequence) : 0
    if (!sequence || !Number.isSafeInteger(sequence)) return refuse('unreadable', 'not the number of a record', false)
    if (sequence > key.until) return refuse('bad_signature', 'signed by a key that was changed before', false)
    const record = { id, sequence, kind, prevhash, data, hash: sha256(bytes), bytes }
    const there = this.records.get(sequence)
    if (there?.hash === record.hash) return { id }
    if (there || this.ids.has(id)) return refuse('fork', this.#alarm(`a second record ${sequence}, or a used id`))
    if (sequence === this.upto + 1 && kind !== 'ledger.restored' && prevhash !== this.head)
      return refuse('broken_chain', this.#alarm(`record ${sequence} does not follow the one before it`))
    if (kind === 'key.rotated' && !(proven(data, this.station) && data.old_key === key.hex))
      return { record: { ...record, kind: '' }, ...refuse('bad_data', 'the new key does not prove itself') }
    // What is not understood is kept all the same: the chain goes on over it, and a person looks.
    return { record, id, ...(!kind && refuse('unknown_type', `type ${event.type} is not of this contract`)) }
  }

  // A record that `judge` found new.
  put({ id, sequence, kind, prevhash, data, hash, bytes }) {
    this.records.set(sequence, { hash, prevhash, kind, data })
    this.ids.set(id, sequence)
    this.count(bytes)
    if (kind === 'key.rotated') {
      this.keys.find(({ hex }) => hex === data.old_key).until = sequence
      this.keys.push({ hex: data.new_key, until: Infinity })
    }
    if (kind === 'ledger.checkpoint') this.#point = Math.max(this.#point, data.upto)
    if (kind === 'ledger.restored' && sequence > this.upto) {
      const { city_sequence: end, city_hash: said } = data ?? {}
      if (end > 0 && said && this.hashOf(end) !== said) this.#alarm(`record ${sequence} goes on behind another ledger`)
      this.#pass(sequence)
    }
    this.#follow()
  }

  #follow() {
    this.#passGone()
    for (let next; (next = this.records.get(this.upto + 1)); this.#pass(this.upto + 1), this.#passGone())
      if (next.prevhash !== this.head) return this.#alarm(`record ${this.upto + 1} does not follow the one before it`)
  }

  // What left the station and never came here: the birth says up to where, a checkpoint names it, and the oldest record
  // that is left says which hash stood before it.
  #passGone() {
    const next = this.records.get(this.gone + 1)
    if (this.upto >= this.gone || this.gone > this.#point || this.records.has(this.upto + 1)) return
    if (!next || next.kind === 'ledger.restored') return
    const ours = this.hashOf(this.gone)
    if (ours && ours !== next.prevhash) return this.#alarm(`record ${this.gone + 1} does not follow the one before it`)
    const [from, to] = [this.upto + 1, this.gone]
    const here = [...this.records.keys()].filter((sequence) => sequence >= from && sequence <= to).length
    this.passed.push({ from, to, missing: to - from + 1 - here })
    this.upto = this.gone
    this.head = next.prevhash
  }

  #pass(sequence) {
    this.upto = sequence
    this.head = this.hashOf(sequence)
  }

  #alarm(why) {
    return (this.alarm = why)
  }

  hashOf(sequence) {
    return this.records.get(sequence)?.hash ?? ''
  }

  // The last serial of each kind of code that the station has given, by the code's tenth digit; also of what was refused.
  count(bytes) {
    for (const [, kind, serial] of bytes.toString('utf8').matchAll(this.#ownCode))
      this.serials[kind] = Math.max(this.serials[kind] ?? 0, Number(serial))
  }

  // The numbers that are missing before something that is here, and that the station still has; null when none is.
  gap() {
    const beyond = [...this.records.keys()].filter((sequence) => sequence > this.upto)
    const [from, to] = [Math.max(this.upto, this.gone) + 1, beyond.reduce((one, other) => Math.min(one, other), Infinity) - 1]
    return beyond.length && from <= to ? { from, to } : null
  }

  // What the station says beside its records: a birth by its newest key, an answer by any that it has had.
  birthIn(bytes) {
    return signedBy(bytes, this.keys.at(-1)?.hex, 'base64')
  }

  answerIn(bytes) {
    return this.keys.map(({ hex }) => signedBy(bytes, hex, 'base64url')).find(Boolean)
  }

  // A birth names the station's newest record.
  born({ last, hash }) {
    const ours = this.hashOf(last)
    if (hash && ours && ours !== hash) this.#alarm(`the station's record ${last} is another one than ours`)
    else if (last < this.upto) this.#alarm(`the station's ledger ends at ${last}, ours at ${this.upto}`)
  }

  // Its newest birth, kept by the broker or not, says which records have left it; false when that is known.
  left({ gone = 0, time }) {
    if (this.bornAt && !(Date.parse(time) > Date.parse(this.bornAt))) return false
    const news = gone !== this.gone
    Object.assign(this, { gone, bornAt: time })
    this.#follow()
    return news
  }
}
