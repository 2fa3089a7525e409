// CloudEvents' own SDK reads events as they arrive over MQTT or HTTP: content type and bytes.
import { HTTP } from 'cloudevents'
import { readFileSync } from 'node:fs'

const { type, bodies } = JSON.parse(readFileSync(0, 'utf8'))
const read = bodies.map((body) => {
  const event = HTTP.toEvent({ headers: { 'content-type': type }, body })
  event.validate()
  const { id, source, sequence, prevhash, kid, sig, data } = event
  return { id, source, type: event.type, subject: event.subject, sequence, prevhash, kid, sig, data }
})
console.log(JSON.stringify(read))
