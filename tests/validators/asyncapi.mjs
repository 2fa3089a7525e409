// What AsyncAPI's own parser says of a document, of every severity.
import { Parser } from '@asyncapi/parser'
import { readFileSync } from 'node:fs'

const { document, diagnostics } = await new Parser().parse(readFileSync(0, 'utf8'))
const said = diagnostics.map(({ code, message, path }) => ({ code, message, path: path.join('.') }))
const messages = document ? document.allMessages().all().length : 0
console.log(JSON.stringify({ said, messages, operations: document?.allOperations().all().length ?? 0 }))
