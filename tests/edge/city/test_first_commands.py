"""The commands that came with a box's enrolment are handed over until each was answered; then their file goes."""

import json
from pathlib import Path

from edge.city import first_commands
from edge.records.ledger import Ledger
from edge.records.obeyed import Obeyed, Told
from protocol.city.topics import Topics

TOPICS = Topics("410108", "410108001", "05")
LINES = [json.dumps({"id": f"c-{number}", "name": "directory"}).encode() for number in (1, 2)]


def handed_over(folder: Path, obeyed: Obeyed) -> list[bytes]:
    messages = list(first_commands.waiting(folder, TOPICS, obeyed))
    assert {one.topic for one in messages} <= {"mkt/1/410108/410108001/05/cmd/directory"}
    return [one.payload for one in messages]


def test_each_until_it_was_answered(ledger: Ledger, tmp_path: Path) -> None:
    obeyed, file = Obeyed(ledger.conn), tmp_path / first_commands.FILE
    assert handed_over(tmp_path, obeyed) == []
    file.write_bytes(b"\n".join([*LINES, b"no command", b"[1]", b""]))
    assert handed_over(tmp_path, obeyed) == LINES
    with ledger.batch():
        obeyed.keep(Told("c-1", "directory", b"", b""), 1.0)
    assert handed_over(tmp_path, obeyed) == LINES[1:]
    assert file.exists()
    with ledger.batch():
        obeyed.keep(Told("c-2", "directory", b"", b""), 2.0)
    assert handed_over(tmp_path, obeyed) == []
    assert not file.exists()
