"""Files that others write, copy, edit or damage: keys, marks, results in a folder, records, commands."""

import contextlib
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click
from box import box_of_the_tests
from click.testing import CliRunner
from contract import JSON_WORDS, KEY, PUBLIC
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from devices import rows
from parts import Target, ensure, heard, logs_of, readable, storable

from drivers.anonymous import clean
from drivers.transports.folder import SETTLE_SECONDS, FolderPort
from edge.cli.decode import decode
from edge.cli.ledger import ledger as ledger_commands
from edge.cli.main import SOFTWARE_FAULT
from edge.cli.render import render
from edge.documents import DOCUMENTS, Documents, examples
from edge.printing.archive import Archive
from edge.printing.typesetting import Typesetter
from edge.records import identity, lock, mark
from edge.records.ledger import FILE, LedgerBroken, Signer
from edge.records.packing import unpack
from protocol import formats
from protocol.files import File, Files
from protocol.readings import TestResult, Ticket


def _folder() -> Path:
    return Path(mkdtemp(prefix="files-"))


# --- what lies beside the station -----------------------------------------------------------------------------------


def keys() -> Target:
    """Key files: refused as what they are, with the file's name."""
    folder = _folder()
    file = folder / "station.key"

    def run(data: bytes) -> None:
        file.write_bytes(data)
        for read in (
            lambda: identity.load_key(file),
            lambda: identity.load_public_key(file),
            lambda: identity.load_city_keys(file),
            lambda: identity.city_keys_text(str(file)),
        ):
            try:
                read()
            except identity.BadKey as bad:
                ensure(str(file) in str(bad), f"the file is not named: {bad}")

    return Target("key-file", run, _keys, (b"-----BEGIN ", b"-----END ", b" PRIVATE KEY-----\n", b"PUBLIC", b"RSA"))


def _keys() -> Iterator[bytes]:
    pem, pkcs8, plain = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    other = rsa.generate_private_key(65537, 1024)
    yield KEY.private_bytes(pem, pkcs8, plain)
    yield KEY.private_bytes(pem, pkcs8, BestAvailableEncryption(b"x"))
    yield KEY.public_key().public_bytes(pem, PublicFormat.SubjectPublicKeyInfo)
    yield other.private_bytes(pem, PrivateFormat.TraditionalOpenSSL, plain)
    yield other.public_key().public_bytes(pem, PublicFormat.SubjectPublicKeyInfo)
    yield PUBLIC.encode()


def marks() -> Target:
    """The mark beside the key, and what the lock says of who holds the folder."""
    folder = _folder()
    file, locked = folder / "station.mark", folder / lock.FILE

    def run(data: bytes) -> None:
        file.write_bytes(data)
        found = mark.read(file)
        if found is not None:
            mark.write(file, found)
            ensure(mark.read(file) == found, "written otherwise than read")
        locked.write_bytes(data)
        held = lock.Lock(folder)
        try:
            locked.write_bytes(data)
            lock.holder(folder)
        finally:
            held.close()

    def seeds() -> Iterator[bytes]:
        yield b'{"records": 64, "hash": "00", "serials": {"1": 74, "2": 424}}'
        yield b'{"records": 1e999, "hash": 1, "serials": {}}'
        yield b"123\nhttp://127.0.0.1:8080"

    return Target("mark", run, seeds, JSON_WORDS, longest=8192)


# --- result files ---------------------------------------------------------------------------------------------------


def folder() -> Target:
    """Files that appear in an instrument's folder: first byte the model, a name, then content; parted by FS FS."""
    known = rows("csv_drop")
    place = _folder()

    def run(data: bytes) -> None:
        if len(data) < 2:
            return
        session = known[data[0] % len(known)].session()
        now = [0.0]
        for old in place.iterdir():
            old.unlink()
        port = FolderPort(f"folder:{place}", clock=lambda: now[0], sleep=lambda seconds: None)
        for number, content in enumerate(data[1:].split(b"\x1c\x1c")[:4]):
            (place / f"result {number}.csv").write_bytes(content)
        got = 0
        for _ in range(40):
            now[0] += SETTLE_SECONDS
            events = session.receive(port.read(), now[0])
            for event in events:
                readable(event)
                got += isinstance(event, TestResult | Ticket)
            session.committed(now[0])
            port.write(session.pending())
        port.close()

    def seeds() -> Iterator[bytes]:
        for place, row in enumerate(known):
            for content in _contents(row.format):
                yield bytes((place,)) + content[:1500]
                yield bytes((place,)) + content[:600] + b"\x1c\x1c" + content[:600].replace(b"1", b"2")
        yield b"\0\xff\xfe" + "编号,结果\r\n1,阴性\r\n".encode("utf-16-le")

    return Target("folder", run, seeds, (b"\x1c\x1c", b",", b"\t", b";", b'"', b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe"))


def _contents(format_id: str) -> Iterator[bytes]:
    """The files of the logs, out of their envelopes."""
    for chunks in logs_of(format_id):
        for found in Files().feed(heard(chunks)):
            if isinstance(found, File) and found.content:
                yield found.content


def anonymous() -> Target:
    """What is heard is made fit to be sent on: no byte is added, and what is read stays what it was."""
    known = formats.ids()

    def run(data: bytes) -> None:
        if len(data) < 2:
            return
        row = rows(known[data[0] % len(known)])[0]
        cleaned = clean(data[1:], row.decoder)
        ensure(len(cleaned.stream) == len(data) - 1, "a byte was added or lost")
        ensure(cleaned.replaced >= 0 and cleaned.withheld >= 0, "less than nothing was replaced")

    def seeds() -> Iterator[bytes]:
        for place, name in enumerate(known):
            for chunks in logs_of(name)[:1]:
                yield bytes((place,)) + heard(chunks)[:150]

    return Target("anonymous", run, seeds, ("王建国".encode(), "王建国".encode("gbk")), longest=200)


COMMANDS = (("status",), ("verify",), ("unread",), ("export",), ("export", "--as", "csv"))

# --- the ledger -----------------------------------------------------------------------------------------------------


def damaged() -> Target:
    """One record of a ledger says something else: a byte for which, a byte for who meets it, then what it says.

    A command looks at it, a paper is printed again, or a station starts with it: told as damage, or read.
    """
    module = box_of_the_tests()
    logging.getLogger().setLevel(logging.CRITICAL + 1)
    home, key = _folder(), KEY
    signer = Signer(key, "sy.example.cn", "410108001", "01")
    config = home / "station.toml"
    identity_file = home / "station.key"
    identity_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings = module.STATION.replace("[station]", f'[station]\ndata = "{home / "data"}"\nkey = "{identity_file}"')
    clock = module.HandClock(module.datetime(2026, 11, 22, 5, 0, tzinfo=module.CHINA))
    box = module.Box(home, signer, settings + module.DEVICES, clock)
    lot = box.releases()
    box.enters()
    box.puts("1.250")
    box.sells(lot)
    box.tests(box.result("9", "12.5"))
    box.ledger.close()
    whole = (home / "data" / FILE).read_bytes()
    bodies = _bodies(home / "data" / FILE)
    typesetter = Typesetter(box.config, Documents(box.config.paper.templates, [p.row() for p in box.config.printer]))

    def run(data: bytes) -> None:
        if len(data) < 2:
            return
        for leftover in (home / "data").glob(f"{FILE}-*"):
            leftover.unlink()
        (home / "data" / FILE).write_bytes(whole)
        with sqlite3.connect(home / "data" / FILE) as conn:
            conn.execute("UPDATE events SET body = ? WHERE seq = ?", (data[2:], data[0] % len(bodies) + 1))
        conn.close()
        match data[1] % (len(COMMANDS) + 4):
            case place if place < len(COMMANDS):
                _ends_well(ledger_commands, [*COMMANDS[place], "-c", str(config)])
            case place if place == len(COMMANDS):
                archive = Archive(home / "data", typesetter)
                for job in (1, 2, 3):
                    with contextlib.suppress(LookupError, ValueError, FileNotFoundError):  # what its callers expect
                        archive.text(job)
            case _:
                _started(module, home, signer, settings + module.DEVICES, clock, lot)

    def seeds() -> Iterator[bytes]:
        for place, body in enumerate(bodies):
            for who in range(len(COMMANDS) + 2):
                yield bytes((place, who)) + body
                other = re.sub(rb'"(goods|lines|data|sold|verdict|slip)":', rb'"other":', unpack(body))
                yield bytes((place, who)) + other

    return Target("ledger", run, seeds, (*JSON_WORDS, b'"data":', b'"slip":', b'"type":"', b'"time":"'))


def _bodies(path: Path) -> list[bytes]:
    with sqlite3.connect(path) as conn:
        found = [bytes(body) for (body,) in conn.execute("SELECT body FROM events ORDER BY seq")]
    conn.close()
    return found


def _started(module: Any, home: Path, signer: Signer, settings: str, clock: Any, lot: str) -> None:
    """A station takes the ledger up, sells and shows its board, or says that the ledger is broken."""
    try:
        box = module.Box(home, signer, settings, clock)
    except LedgerBroken:
        return
    try:
        box.puts("1.500")
        box.ask(module.Sell(scale="scale-1", product="01040201", lot=lot))
        storable(box.board.as_json())
    except LedgerBroken:
        pass
    finally:
        box.ledger.close()


def _ends_well(command: click.Command, words: list[str], given: bytes = b"") -> None:
    """It answers, or ends with a line that says what is wrong: never as a mistake of ours."""
    done = CliRunner().invoke(command, words, input=given)
    fault = done.exception if not isinstance(done.exception, SystemExit) else None
    if fault is not None:
        raise fault
    ensure(done.exit_code != SOFTWARE_FAULT, f"{words}: a mistake of ours: {done.output[-300:]}")


# --- commands -------------------------------------------------------------------------------------------------------


def rendered() -> Target:
    """`marketedge render` of a document or record that somebody wrote."""
    file = _folder() / "document.json"

    def run(data: bytes) -> None:
        file.write_bytes(data)
        for form in ("text", "escpos"):
            _ends_well(render, [str(file), "--as", form, "-o", str(file.with_suffix(".out"))])

    def seeds() -> Iterator[bytes]:
        for name in DOCUMENTS:
            for content in examples(name)[:1]:
                yield json.dumps(content, ensure_ascii=False).encode()[:4000]
        yield b'{"name": "slip", "title": "t", "parts": [{"part": "text", "text": "a"}]}'

    return Target("render", run, seeds, (*JSON_WORDS, b'"parts"', b'"type"', b'"data"', b'"part"'), longest=2048)


def decoded() -> Target:
    """`marketedge decode`: a byte for the format, a line with an option, a line for hex, the rest is heard."""
    known = formats.ids()

    def run(data: bytes) -> None:
        if not data:
            return
        option, as_hex, given = [*data[1:].split(b"\n", 2), b"", b""][:3]
        words = [known[data[0] % len(known)]]
        if option:
            words += ["--option", option.decode("utf-8", "surrogateescape")]
        _ends_well(decode, [*words, *(["--hex"] if as_hex else [])], given)

    def seeds() -> Iterator[bytes]:
        for place, name in enumerate(known):
            heard_there = next((heard(chunks)[:200] for chunks in logs_of(name)), b"1")
            yield bytes((place,)) + b"\n\n" + heard_there
            option = next(iter(formats.find(name).options.model_fields), "unit")
            yield bytes((place,)) + option.encode() + b"=true\nhex\n" + heard_there.hex(" ").encode()

    return Target(
        "decode", run, seeds, (b"=", b"={", b"=[", b"=1e999", b"=nan", b"profile=", b"_file=", b"\n"), longest=1024
    )


MAKERS: dict[str, Callable[[], Target]] = {
    "key-file": keys,
    "mark": marks,
    "folder": folder,
    "anonymous": anonymous,
    "ledger": damaged,
    "render": rendered,
    "decode": decoded,
}
