"""In the guest: `marketedge init` on a terminal. Enter is pressed, but for what only a person knows."""

import os
import pty
import sys

KNOWN = {"node": "420100002", "2027-06-30": "2099-12-31"}  # what stands in the question, and its answer
PROMPT = b"> "

pid, terminal = pty.fork()
if not pid:
    os.execvp("marketedge", ["marketedge", "init", sys.argv[1]])
said = b""
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:  # it has ended
        break
    if not data:
        break
    os.write(1, data)
    said += data
    if said.endswith(PROMPT):
        asked = said.decode("utf-8", "replace").splitlines()[-2]
        os.write(terminal, next((answer for word, answer in KNOWN.items() if word in asked), "").encode() + b"\n")
        said = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
