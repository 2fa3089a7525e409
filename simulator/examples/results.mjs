// A laboratory's system takes test results from the station, each once, in the order in which they were recorded.
//
//   node results.mjs http://127.0.0.1:8080 results.jsonl [TOKEN]
//
// The newest number in the file is where the next look goes on. Node.js 18 or newer, nothing else.
import { existsSync, closeSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'

const [address, file, token] = process.argv.slice(2)
const headers = token ? { Authorization: `Bearer ${token}` } : {}

async function get(path) {
  const answer = await fetch(address + path, { headers, signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

// A line that a power cut tore is cut off.
function lastIn() {
  if (!existsSync(file)) return 0
  const bytes = readFileSync(file)
  const whole = bytes.lastIndexOf(10) + 1
  if (whole < bytes.length) truncateSync(file, whole)
  const lines = bytes.subarray(0, whole).toString('utf8').trim()
  return lines ? JSON.parse(lines.split('\n').at(-1)).number : 0
}

// The search goes from the newest back, in steps.
async function resultsAfter(number) {
  const found = []
  for (let before = ''; ; ) {
    const step = await get(`/api/records?kind=test.result&kind=result.corrected&limit=200${before}`)
    const numbers = step.records.map((record) => record.seq)
    found.push(...numbers.filter((one) => one > number))
    if (step.next === null || step.next <= number + 1 || numbers.some((one) => one <= number)) return found.sort((a, b) => a - b)
    before = `&before=${step.next}`
  }
}

const numbers = await resultsAfter(lastIn())
const out = openSync(file, 'a')
for (const number of numbers) {
  const { event } = await get(`/api/records/${number}`)
  const { lot, item, value, unit, verdict } = event.data
  const kept = { number, kind: event.type.split('.').slice(3, 5).join('.'), time: event.time, lot, item, value, unit, verdict }
  writeSync(out, `${JSON.stringify(kept)}\n`)
  fsyncSync(out)
}
closeSync(out)
console.log(`${numbers.length} results`)
