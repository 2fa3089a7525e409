// Loaded before the receiver: the power goes when its second write of records is on the disk, and nobody was told of it.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const real = fs.fsyncSync
let writes = 0
fs.fsyncSync = (file) => {
  real(file)
  if (++writes === 2) process.kill(process.pid, 'SIGKILL')
}
syncBuiltinESMExports()
