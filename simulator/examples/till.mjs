// A cash register sells by the station's API: it looks at what lies on the scale, sells it, and knows its slip.
//
//   node till.mjs http://127.0.0.1:8080 01040201 41010800130100000018 K1-000123 [TOKEN]
//
// Product, lot, and the till's own number of this sale: asked with it again, the station answers as the first time, so an
// answer that was lost on the way is no second sale. Node.js 18 or newer, nothing else.
const [address, product, lot, receipt, token] = process.argv.slice(2)
const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

// 409 is a refusal: nothing was recorded. 503, or no answer, says nothing: ask again with the same key.
async function order(path, key, body) {
  for (let tries = 0; tries < 10; tries++) {
    try {
      const options = { method: 'POST', headers: { ...headers, 'Idempotency-Key': key }, body: JSON.stringify(body) }
      const answer = await fetch(address + path, { ...options, signal: AbortSignal.timeout(10_000) })
      if (answer.status !== 503) return { ok: answer.ok, said: await answer.json() }
    } catch {
      // the box restarts, the cable is out
    }
    await pause(1000)
  }
  return { ok: false, said: { code: 'no_answer', message_en: 'look at the station before this is sold again' } }
}

const { board } = await (await fetch(`${address}/api/board`, { headers })).json()
const scale = board.scales.find((one) => one.name === 'scale-1')
if (!scale?.sellable && scale?.why !== 'sold') { // that may have been this receipt: it is answered again
  console.error(`nothing to sell: ${scale?.why}`)
  process.exit(1)
}
const { ok, said } = await order('/api/sales', receipt, { scale: scale.name, product, lot, seen_g: scale.net_g })
if (!ok) {
  console.error(`${said.code}: ${said.message_zh ?? ''} / ${said.message_en}`)
  process.exit(1)
}
const { tx, net_g, amount_fen, url } = said
console.log(JSON.stringify({ tx, net_g, amount_fen, url }))
