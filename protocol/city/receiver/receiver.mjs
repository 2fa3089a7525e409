// A small city: stores what stations send, answers what it has, asks again for what is missing, sends commands.
//
//   node receiver.mjs mqtt://127.0.0.1:1883 FOLDER
//
// FOLDER holds
//   city.key           the city's private key, made at the first start; its public key is printed, for [city] keys_file
//   stations.json      {"410108001-01": "<public key, 64 hex digits>", …}: whom it believes, from the registration
//   NODE-TT.jsonl      the records of a station, a line each, the very bytes that it signed
//   NODE-TT.refused    genuine records that were not taken: fork, broken_chain …
//   NODE-TT.gone       up to which number its records have left it, from its newest birth: {"gone":4711,"time":"…"}
//   commands.jsonl     commands that were sent, and their answers
//
// A line on standard input is a command: {"name":"stop_lot","station":"410108001-all","region":"410108","lot":"…",
// "reason":"…"}. What happens is told on standard output, a JSON object a line.
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'mqtt'
import { Chain } from './chain.mjs'
import { LARGEST, newKey, parse, placeOf, rawHex, readKey, seal, sha256 } from './wire.mjs'

const [url, folder] = process.argv.slice(2)
const AGAIN_MS = 30_000
const VALID_MS = 30 * 24 * 3600_000
const tell = (what, more = {}) => console.log(JSON.stringify({ what, ...more }))

// --- the folder -------------------------------------------------------------------------------------------------------

mkdirSync(folder, { recursive: true })
const at = (name) => join(folder, name)
if (!existsSync(at('city.key'))) writeFileSync(at('city.key'), newKey(), { mode: 0o600 })
const key = readKey(readFileSync(at('city.key')))
const registered = existsSync(at('stations.json')) ? JSON.parse(readFileSync(at('stations.json'), 'utf8')) : {}

// Lines behind a power cut: the last one may be torn, and is cut off. Nobody was told of it.
function linesOf(name) {
  if (!existsSync(at(name))) return []
  const bytes = readFileSync(at(name))
  const whole = bytes.lastIndexOf(10) + 1
  if (whole < bytes.length) truncateSync(at(name), whole)
  return bytes.subarray(0, whole).toString('utf8').split('\n').slice(0, -1).map((line) => Buffer.from(line))
}

// On disk when it returns: only then may somebody be told.
function append(name, lines) {
  const file = openSync(at(name), 'a', 0o600)
  writeSync(file, Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])))
  fsyncSync(file)
  closeSync(file)
}

// --- stations ---------------------------------------------------------------------------------------------------------

const chains = new Map()
function chainOf(station) {
  if (!chains.has(station)) {
    const chain = new Chain(station, registered[station])
    for (const line of linesOf(`${station}.gone`)) chain.left(JSON.parse(line))
    for (const bytes of linesOf(`${station}.jsonl`)) {
      const { record } = chain.judge(bytes)
      if (record) chain.put(record)
      else tell('damaged', { station, line: bytes.toString('utf8').slice(0, 200) })
    }
    for (const bytes of linesOf(`${station}.refused`)) chain.count(bytes)
    chain.passed = [] // told before
    chains.set(station, chain)
  }
  return chains.get(station)
}

const publish = (topic, bytes) => client.publish(topic, bytes, { qos: 1 })
const answer = (place, fields) => publish(`${place.base}/ack`, seal(fields, place.station, key))
const pair = (chain) => (chain.upto ? { upto: chain.upto, hash: chain.head } : { upto: 0 })

// All that came since the last time, station by station: one write to the disk, then one acknowledgement. A disk that fails
// ends the program, before anybody was told of what is not there.
const waiting = new Map()
function take(place, bytes) {
  if (!waiting.size) setImmediate(takeAll)
  if (!waiting.has(place.station)) waiting.set(place.station, { place, came: [] })
  waiting.get(place.station).came.push(bytes)
}

function takeAll() {
  for (const { place, came } of waiting.values()) {
    const chain = chainOf(place.station)
    const [before, alarm] = [chain.upto, chain.alarm]
    const [fresh, refused, ids, rejected] = [[], [], [], []]
    for (const bytes of came) {
      const said = chain.judge(bytes)
      if (said.record) {
        chain.put(said.record)
        fresh.push(said.record)
      } else if (said.genuine) {
        chain.count(bytes)
        refused.push(bytes)
      }
      if (said.rejected) rejected.push(said.rejected)
      else if (said.id) ids.push(said.id)
    }
    if (fresh.length) append(`${place.station}.jsonl`, fresh.map((record) => record.bytes))
    if (refused.length) append(`${place.station}.refused`, refused)
    const beyond = ids.filter((id) => !(chain.ids.get(id) > before && chain.ids.get(id) <= chain.upto))
    answer(place, { ...pair(chain), ...(beyond.length && { ids: beyond }), ...(rejected.length && { rejected }) })
    for (const { sequence, kind } of fresh) tell('record', { station: place.station, sequence, kind })
    for (const one of rejected) tell('rejected', { station: place.station, ...one })
    if (chain.alarm !== alarm) tell('alarm', { station: place.station, why: chain.alarm })
    tellPassed(place, chain)
    askAgain(place, chain)
  }
  waiting.clear()
}

// What its people have to know: these numbers this city will never have from the station.
function tellPassed(place, chain) {
  for (const one of chain.passed.splice(0)) tell('gone', { station: place.station, ...one })
}

// What is missing is asked for once; the station sends everything that is not acknowledged again by itself, too.
const asked = new Map()
function askAgain(place, chain) {
  const gap = chain.gap()
  if (!gap || asked.get(place.station) === gap.from) return
  asked.set(place.station, gap.from)
  tell('gap', { station: place.station, ...gap })
  send({ name: 'resend', station: place.station, ...gap }, place.base)
}

// A birth is the broker's to keep: one that comes with its retain flag is of an earlier time, and says nothing of where the
// station's ledger ends now.
function greet(place, bytes, kept) {
  const chain = chainOf(place.station)
  const birth = chain.birthIn(bytes)
  if (birth?.station !== place.station) return tell('unknown', { station: place.station, said: parse(bytes) })
  tell(birth.state, { station: place.station, last: birth.last, acked: birth.acked })
  if (birth.state !== 'online') return
  const alarm = chain.alarm
  if (!kept) chain.born(birth)
  if (chain.left(birth)) append(`${place.station}.gone`, [Buffer.from(JSON.stringify({ gone: chain.gone, time: chain.bornAt }))])
  if (chain.alarm !== alarm) tell('alarm', { station: place.station, why: chain.alarm })
  tellPassed(place, chain)
  const holds = chain.hashOf(birth.acked)
  answer(place, { ...pair(chain), birth: sha256(bytes), holds, serials: chain.serials })
  askAgain(place, chain)
  for (const order of orders.values()) if (order.for(place.station)) order.publish()
}

// --- commands: kept until every station they are for has answered, or they have expired -----------------------------------

const orders = new Map()
function keep({ id, topic, text, stations, expires }) {
  orders.set(id, {
    for: (station) => stations.includes(station),
    publish: () => publish(topic, Buffer.from(text)),
    expired: () => Date.now() > Date.parse(expires),
    answered: (station) => {
      stations = stations.filter((one) => one !== station)
      if (!stations.length) orders.delete(id)
    },
  })
}

for (const line of linesOf('commands.jsonl')) {
  const { order, id, station } = JSON.parse(line)
  if (order) keep(order)
  else orders.get(id)?.answered(station)
}

function send({ region, ...fields }, base) {
  const [node, terminal] = fields.station.split('-')
  const stations = terminal === 'all' ? Object.keys(registered).filter((one) => one.startsWith(`${node}-`)) : [fields.station]
  const topic = `${base ?? `mkt/1/${region}/${node}/${terminal}`}/cmd/${fields.name}`
  const [id, expires] = [randomUUID(), new Date(Date.now() + VALID_MS).toISOString()]
  const { station, ...own } = fields
  const text = seal({ ...own, id, expires }, station, key).toString('utf8')
  const order = { id, topic, text, stations, expires }
  append('commands.jsonl', [Buffer.from(JSON.stringify({ order }))])
  keep(order)
  orders.get(id).publish()
  tell('sent', { id, name: fields.name, station })
}

function hear(place, bytes) {
  const said = chainOf(place.station).answerIn(bytes)
  if (said?.station !== place.station || said.name !== place.name) return
  tell('answer', { station: said.station, id: said.id, name: said.name, state: said.state, code: said.code, seq: said.seq })
  if (said.code === 'clock' || !orders.get(said.id)?.for(said.station)) return // not the last word, or not waited for
  append('commands.jsonl', [Buffer.from(JSON.stringify({ id: said.id, station: said.station }))])
  orders.get(said.id).answered(said.station)
}

setInterval(() => {
  asked.clear()
  for (const [id, order] of orders) {
    if (order.expired()) orders.delete(id)
    else order.publish()
  }
}, AGAIN_MS).unref()

// --- MQTT -------------------------------------------------------------------------------------------------------------

const client = connect(url, { clientId: `city-${randomUUID().slice(0, 8)}`, clean: true })
client.on('connect', () => {
  const topics = ['evt/+', 'alm/+', 'state', 'res/+', 'pho/+'].map((end) => `mkt/1/+/+/+/${end}`)
  client.subscribe(topics, { qos: 1 }, (error) => tell(error ? 'failed' : 'ready', { key: rawHex(key), why: error?.message }))
})
client.on('error', (error) => tell('failed', { why: error.message }))
client.on('message', (topic, bytes, packet) => {
  const place = placeOf(topic)
  if (!place || bytes.length > LARGEST) return
  if (place.what === 'evt' || place.what === 'alm') take(place, bytes)
  else if (place.what === 'state') greet(place, bytes, packet.retain)
  else if (place.what === 'res') hear(place, bytes)
  else answer(place, { photos: [{ sha256: place.name, have: 0, code: 'refused' }] }) // this city keeps no photos
})

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = parse(Buffer.from(line))
  if (order?.name && order.station) send(order)
  else tell('failed', { why: `no command: ${line.slice(0, 200)}` })
})
