// ajv in its strictest mode: does it take the schemas, and do these values fit them?
import Ajv from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'

const { schemas, values } = JSON.parse(readFileSync(0, 'utf8'))
const ajv = new Ajv({ strict: true, strictTypes: true, strictTuples: true, strictRequired: true, allErrors: true })
const wrong = []
for (const schema of schemas) {
  try {
    ajv.addSchema(schema)
    ajv.getSchema(schema.$id)
  } catch (error) {
    wrong.push(`${schema.$id}: ${error.message}`)
  }
}
for (const { id, value } of values) {
  const fits = ajv.getSchema(id)
  if (!fits(value)) wrong.push(`${id}: ${ajv.errorsText(fits.errors)}`)
}
console.log(JSON.stringify(wrong))
