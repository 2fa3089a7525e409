// The text of the Node-RED flow's function, with what Node-RED gives it: does it store, answer, and tell a record once?
import * as fs from 'node:fs'
import * as chain from './receiver/chain.mjs'
import * as wire from './receiver/wire.mjs'

const { flow, folder, topic, bodies } = JSON.parse(fs.readFileSync(0, 'utf8'))
const { func } = flow.find((node) => node.id === 'take')
const kept = new Map()
const take = new Function('msg', 'global', 'context', 'env', func)
const given = { fs, chain, wire }
const said = bodies.map((body) =>
  take(
    { topic, payload: Buffer.from(body) },
    { get: (name) => given[name] },
    { get: (name) => kept.get(name), set: (name, value) => kept.set(name, value) },
    { get: () => folder },
  ),
)
console.log(JSON.stringify(said.map((out) => out && [{ ...out[0], payload: JSON.parse(out[0].payload) }, out[1]])))
