"""Whatever is done to a ledger's records is found: a flipped bit, one that is deleted, swapped or inserted."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.between.commands import RegisterEntry
from edge.records import verify as verifying
from edge.records.ledger import FILE, LedgerBroken, Signer, bodies_after, open_reader
from edge.records.packing import pack, unpack
from edge.records.serials import serials_of, serials_text
from edge.records.verify import verify, verify_folder
from protocol.city import envelope
from protocol.city.chain import Chain, link

Box = Any  # the station of tests/edge/conftest.py
RECORDS = 40


@pytest.fixture
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture
def worked(box: Callable[..., Box], tmp_path: Path) -> Path:
    """The folder of a ledger after a busy hour: entries, results and sales in both lanes."""
    station = box()
    codes = []
    while station.ledger.head.seq < RECORDS:
        entry = RegisterEntry(product="01040201", net_g=1000 + len(codes), origin="河南", supplier="李四")
        codes.append(station.does(entry)["test_code"])
    station.ledger.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(station.ledger.path.parent, tmp_path / "kept")
    return tmp_path / "kept"


LESS = "UPDATE events SET serials = (SELECT serials FROM events WHERE seq = 19) WHERE seq = 20"
Damage = Callable[[sqlite3.Connection, random.Random, int, Ed25519PrivateKey], None]


def flip_a_bit_of_what_is_stored(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    (stored,) = db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()
    changed = bytearray(stored)
    while unpack(bytes(changed)) == unpack(stored):  # a few bits of what is deflated say nothing
        changed[:] = stored
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    db.execute("UPDATE events SET body = ? WHERE seq = ?", (bytes(changed), seq))


def flip_a_bit_of_the_event(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    body = bytearray(unpack(db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0]))
    body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    db.execute("UPDATE events SET body = ? WHERE seq = ?", (pack(bytes(body)), seq))


def write_the_event_otherwise(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    """The same values in other bytes."""
    body = unpack(db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0])
    start, end = body.rindex(b',"sig":'), body.rindex(b',"source":')
    member = body[start + 1 : end]
    ways = [
        body.replace(b',"sig"', b', "sig"'),
        body[:start] + body[end:-1] + b"," + member + b"}",
        b"{" + member + b"," + body[1:start] + body[end:],
        body[:start] + b"," + member + body[start:],
        body.replace(b'=="', b'="'),
        body + b"\n",
        body[:-1] + b',"zone":"east"}',
        body[:end] + b',"sequence":"%020d"' % (seq + 1) + body[end:],
    ]
    db.execute("UPDATE events SET body = ? WHERE seq = ?", (pack(dice.choice(ways)), seq))


def delete(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    db.execute("DELETE FROM events WHERE seq = ?", (min(seq, RECORDS - 1),))


def delete_and_close_the_gap(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    seq = min(seq, RECORDS - 1)
    db.execute("DELETE FROM events WHERE seq = ?", (seq,))
    for later in range(seq + 1, RECORDS + 1):
        db.execute("UPDATE events SET seq = seq - 1 WHERE seq = ?", (later,))


def swap(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    other = dice.choice([one for one in range(1, RECORDS + 1) if one != seq])
    db.execute("UPDATE events SET seq = -1 WHERE seq = ?", (seq,))
    db.execute("UPDATE events SET seq = ? WHERE seq = ?", (seq, other))
    db.execute("UPDATE events SET seq = ? WHERE seq = -1", (other,))


def insert_a_copy(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    at = dice.choice([0, -3, RECORDS + 1, RECORDS + 9])
    db.execute(f"INSERT INTO events SELECT {at}, lane, serials, body, asked FROM events WHERE seq = ?", (seq,))


def insert_one_that_is_signed(db: sqlite3.Connection, dice: random.Random, seq: int, key: Ed25519PrivateKey) -> None:
    """By the station's own key and with the right number, but it continues nothing."""
    body = unpack(db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0])
    event = envelope.read(body)
    names = ("id", "source", "subject", "time", "recordedtime", "bootid", "clockstate")
    head = envelope.EventHead(**{name: event[name] for name in names}, kind=envelope.kind_of(event["type"]))
    made = envelope.seal(head, event["data"], RECORDS + 1, "ab" * 32, key)
    db.execute(
        "INSERT INTO events SELECT ?, lane, serials, ?, asked FROM events WHERE seq = ?",
        (RECORDS + 1, pack(made), RECORDS),
    )


def sign_by_another_key(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    body = unpack(db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0])
    event = envelope.read(body)
    names = ("id", "source", "subject", "time", "recordedtime", "bootid", "clockstate")
    head = envelope.EventHead(**{name: event[name] for name in names}, kind=envelope.kind_of(event["type"]))
    made = envelope.seal(head, event["data"], seq, event["prevhash"], Ed25519PrivateKey.generate())
    db.execute("UPDATE events SET body = ? WHERE seq = ?", (pack(made), seq))


def count_serials_back(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    """A code would be given twice."""
    (text,) = db.execute("SELECT serials FROM events WHERE seq = ?", (seq,)).fetchone()
    ((kind, serial),) = serials_of(text).items()
    db.execute("UPDATE events SET serials = ? WHERE seq = ?", (serials_text({kind: serial - 1}), seq))


def count_serials_on(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    """A code that was given is not found again."""
    seq = min(seq, RECORDS - 1)
    (text,) = db.execute("SELECT serials FROM events WHERE seq = ?", (seq,)).fetchone()
    ((kind, serial),) = serials_of(text).items()
    db.execute("UPDATE events SET serials = ? WHERE seq = ?", (f"{kind}:{serial + dice.randrange(2, 99)}", seq))


def spoil_serials(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    db.execute(
        "UPDATE events SET serials = ? WHERE seq = ?", (dice.choice(["", "x", "3", "3:", "3:y", "3é", "3b\n"]), seq)
    )


def lose_the_lane(db: sqlite3.Connection, dice: random.Random, seq: int, _: Any) -> None:
    """A record in a lane that nobody sends."""
    db.execute("UPDATE events SET lane = ? WHERE seq = ?", (dice.choice([2, -1, 1 << 40]), seq))


DAMAGES: list[Damage] = [
    flip_a_bit_of_what_is_stored,
    flip_a_bit_of_the_event,
    write_the_event_otherwise,
    delete,
    delete_and_close_the_gap,
    swap,
    insert_a_copy,
    insert_one_that_is_signed,
    sign_by_another_key,
    count_serials_back,
    count_serials_on,
    spoil_serials,
    lose_the_lane,
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(DAMAGES), st.integers(1, RECORDS), st.randoms(use_true_random=False))
def test_whatever_is_done_to_a_record_is_found(
    worked: Path, key: Ed25519PrivateKey, damage: Damage, seq: int, dice: random.Random
) -> None:
    with closing(sqlite3.connect(worked / FILE)) as db:
        assert verify_rows(db, key) == RECORDS
        damage(db, dice, seq, key)
        with pytest.raises(LedgerBroken, match="record"):
            verify_rows(db, key)
        db.rollback()


def verify_rows(db: sqlite3.Connection, key: Ed25519PrivateKey) -> int:
    from edge.records.database import Database

    return verify(Database(db), key.public_key())[0]


@pytest.mark.parametrize(("seq", "serials"), [(1, "UPDATE events SET serials = ''"), (20, LESS)], ids=["none", "less"])
def test_a_code_that_the_serials_beside_it_do_not_count_is_found(
    worked: Path, key: Ed25519PrivateKey, seq: int, serials: str
) -> None:
    with closing(sqlite3.connect(worked / FILE)) as db:
        code = envelope.read(unpack(db.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0]))[
            "subject"
        ]
        db.execute(serials)
        with pytest.raises(LedgerBroken, match=f"^record {seq}: its code {code} is beyond the serials beside it$"):
            verify_rows(db, key)


def test_many_processes_find_the_same_as_one(
    worked: Path, key: Ed25519PrivateKey, told: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stretches of three records each, so that every third one is a seam."""
    monkeypatch.setattr(verifying, "STRETCH", 3)
    monkeypatch.setattr(verifying, "ALONE", 0)
    with closing(open_reader(worked)) as db:
        last = envelope.hash_of(dict(bodies_after(db.conn, 0))[RECORDS])

    def run() -> tuple[int, str]:
        return verify_folder(worked, key.public_key(), lambda done, total: told.append((done, total)), cores=2)

    assert run() == (RECORDS, last)
    assert told[-1] == (RECORDS, RECORDS) and len(told) == 14
    for seq in (3, 4):
        with closing(sqlite3.connect(worked / FILE)) as db:
            db.execute("UPDATE events SET lane = 7 WHERE seq IN (?, 30)", (seq,))
            db.commit()
            with pytest.raises(LedgerBroken, match=f"^record {seq} is in lane 7"):
                run()
            db.execute("UPDATE events SET lane = 0")
            db.commit()


def test_the_quick_way_takes_exactly_what_the_long_one_takes(
    worked: Path, key: Ed25519PrivateKey, signer: Signer
) -> None:
    """Also records whose texts have quotes, backslashes and look like an envelope."""
    with closing(open_reader(worked)) as db:
        bodies = [body for _, body in bodies_after(db.conn, 0)]
    tail = ',"datacontenttype":"application/json","sig":"AA=="}'
    head = envelope.EventHead("1", signer.source, "test.result", f'"\\{tail}', "t\\", "t", "b", "synced", "9", "8")
    odd = envelope.seal(head, {"note": tail, "deep": {"sig": tail, "sequence": "1"}}, 7, "ab" * 32, key)
    for body in [*bodies, odd]:
        event = envelope.read(body)
        found = link(body, key.public_key())
        assert (found.sequence, found.prevhash) == (int(event["sequence"]), event["prevhash"])
        assert found.type == event["type"]
    dice = random.Random(3)
    for _ in range(3000):
        changed = bytearray(dice.choice([bodies[0], odd]))
        changed[dice.randrange(len(changed))] = dice.randrange(256)
        if bytes(changed) in (bodies[0], odd):
            continue
        with pytest.raises(envelope.BadEvent):
            link(bytes(changed), key.public_key())


def test_records_that_come_meanwhile_are_not_looked_at(
    box: Callable[..., Box], key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "STRETCH", 2)
    station = box()
    for _ in range(6):
        station.enters()
    before = station.ledger.head

    def on(done: int, total: int) -> None:
        station.enters()

    assert verify_folder(station.ledger.path.parent, key.public_key(), on, cores=1) == (before.seq, before.prevhash)
    assert station.ledger.head.seq > before.seq


def test_a_process_that_is_killed_for_want_of_memory_ends_no_check(
    worked: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise BrokenProcessPool

    monkeypatch.setattr(verifying, "ALONE", 0)
    monkeypatch.setattr(verifying, "_together", killed)
    assert verify_folder(worked, key.public_key(), lambda done, total: None, cores=2)[0] == RECORDS


KILLED = """
import os, signal, sys
from pathlib import Path
from edge.records import verify as verifying
from protocol.ed25519 import public_key_of

verifying.STRETCH, verifying.ALONE = 3, 0
verifying._context = lambda: verifying.get_context(sys.argv[3])
killed = lambda done, total: os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    verifying.verify_folder(Path(sys.argv[1]), public_key_of(bytes.fromhex(sys.argv[2])), killed, cores=2)
"""


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_the_processes_of_one_that_is_killed_end_with_it(
    worked: Path, key: Ed25519PrivateKey, tmp_path: Path, context: str
) -> None:
    """They have its output, so that it has an end only with theirs."""
    (tmp_path / "killed.py").write_text(KILLED)
    raw = key.public_key().public_bytes_raw().hex()
    command = [sys.executable, str(tmp_path / "killed.py"), str(worked), raw, context]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_beside_other_threads_nothing_is_forked() -> None:
    over = Event()
    other = Thread(target=over.wait)
    other.start()
    assert verifying._context().get_start_method() == "spawn"
    over.set()
    other.join()


def test_one_that_is_alone_is_forked() -> None:
    said = "from edge.records.verify import _context; print(_context().get_start_method())"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, check=True, text=True).stdout == "fork\n"


def test_records_that_are_missing_at_the_end_are_found_by_the_mark(home: Any) -> None:
    home.works(9)
    with closing(sqlite3.connect(home.data / FILE)) as db:
        db.execute("DELETE FROM events WHERE seq > 7")
        db.commit()
    answer = home.answers("verify", code=1)
    assert not answer["ok"] and "账本只到第 7 条，而本站已写过 9 条记录" in answer["why"]


def test_the_command_says_how_far_it_is_in_plain_lines_where_there_is_no_terminal(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing at all of a ledger that is checked before one has read it."""
    home.works(30)
    assert home.does("verify").stderr == ""
    monkeypatch.setattr("edge.cli.told.WORTH_TELLING", 10)
    monkeypatch.setattr(verifying, "STRETCH", 1)
    lines = home.does("verify", "--cores", "1").stderr.splitlines()
    assert lines[0].startswith("检查记录 3 % (1/30)") and lines[-1] == "检查记录 100 % (30/30)"
    assert len(lines) == 11 and not any("\r" in line for line in lines)


def test_a_record_as_it_is_made_today_is_checked_without_being_parsed(
    worked: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow way takes it, too: a new field of the envelope would make a million take minutes, and nobody notice."""
    with closing(open_reader(worked)) as db:
        bodies = list(bodies_after(db.conn, 0))
    monkeypatch.setattr(envelope, "read", None)
    places = Chain(signer.key.public_key())
    assert [places.link(body).sequence for _, body in bodies] == [seq for seq, _ in bodies]
