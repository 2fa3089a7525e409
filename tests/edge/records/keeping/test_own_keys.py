"""A station's key is changed: by a record of the old one; whatever cuts it off, the station can sign and is known."""

import json
import signal
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.cli.main import main
from edge.records import mark
from edge.records.clock import Clock
from edge.records.identity import BadKey, load_key, load_public_key
from edge.records.ledger import Ledger, LedgerBroken, LedgerUnusable, Signer, bodies_after, open_reader
from edge.records.own_keys import earlier_keys, opened, own_keys, rotate
from edge.records.shelf import Shelf
from edge.records.verify import verify_folder
from protocol.city.codes import CodeKind
from protocol.city.events import EntryRegistered, Goods
from protocol.city.key_events import KeyRotated, change_in, proof
from protocol.city.token import kid_of


class House:
    """A key and a ledger; ``enter`` is what a station does from its start to its stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.exists():
            told = CliRunner().invoke(main, ["init", str(folder), "--job", "gate"])
            assert told.exit_code == 0, told.output
        self.key, self.data = folder / "station.key", folder / "data"

    def open(self) -> Ledger:
        key = opened(self.key, self.data)
        signer = Signer(key, "sy.example.cn", "410108001", "01", earlier_keys(self.key, key.public_key()))
        return Ledger(self.data, signer, mark.beside(self.key))

    def enter(self, count: int = 1) -> None:
        with closing(self.open()) as ledger:
            for _ in range(count):
                with ledger.batch():
                    code = str(ledger.next_code(CodeKind.TEST))
                    goods = Goods(product="01040201", name="大白菜")
                    entry = EntryRegistered(goods=goods, net_g=1, origin="河南", supplier="李四", sample="1")
                    ledger.append("entry.registered", code, entry, Clock("host").now(), "b")

    def rotate(self) -> None:
        with closing(self.open()) as ledger:
            rotate(self.key, ledger, Clock("host").now(), "b", why="备份盘丢失", person="王敏")

    def events(self) -> list[dict[str, Any]]:
        with closing(open_reader(self.data)) as db:
            return [json.loads(body) for _, body in bodies_after(db.conn, 0)]

    def kids(self) -> list[str]:
        return [event["kid"] for event in self.events()]

    def kid(self) -> str:
        return kid_of(load_key(self.key).public_key()).hex()

    def verify(self, key: Any = None) -> int:
        return verify_folder(self.data, key or load_key(self.key).public_key(), lambda done, total: None)[0]


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "gate")
    made.enter(3)
    return made


def test_the_old_key_names_the_new_one_and_all_of_it_verifies_by_either(house: House) -> None:
    first = load_key(house.key).public_key()
    old = house.kid()
    house.rotate()
    house.enter(4)
    house.rotate()
    house.enter()
    kids = house.kids()
    assert kids[:4] == [old] * 4 and kids[4] == kids[8] != old and kids[9] == house.kid() not in kids[:9]
    record = house.events()[3]
    assert record["type"].endswith(".key.rotated.v1") and record["data"]["person"] == "王敏"
    assert record["data"]["old_key"] == first.public_bytes_raw().hex()
    assert kid_of(change_in(record).new).hex() == kids[4]
    assert house.verify() == house.verify(first) == 10
    with closing(house.open()) as ledger:
        assert [start for start, _ in own_keys(ledger.conn, first).spans] == [0, 5, 10]
    assert next(key.public_bytes_raw() for key in earlier_keys(house.key, load_key(house.key).public_key())) == (
        first.public_bytes_raw()
    )
    for seq in (1, 4, 5, 9, 10):
        assert Shelf(house.data, load_key(house.key).public_key()).record(seq).proof.signature == ""
    assert stat.S_IMODE(house.key.stat().st_mode) == 0o600
    assert not house.key.with_name("station.key.next").exists()


def test_a_ledger_that_begins_with_the_change_is_whole(tmp_path: Path) -> None:
    one = House(tmp_path / "gate")
    one.rotate()
    assert one.verify() == 1
    one.enter(2)
    assert one.verify() == 3


CUT = """
import os, shutil, sys
from pathlib import Path
from signal import SIGKILL
from edge.records import own_keys, private
from edge.records.clock import Clock
from edge.records.ledger import Ledger, Signer

def cut(work):
    def run(*arguments, **more):
        global left
        if left == 0:
            os.kill(os.getpid(), SIGKILL)
        left -= 1
        return work(*arguments, **more)
    return run

private.write_new = cut(private.write_new)
own_keys.private.replace = cut(private.replace)
Ledger.append = cut(Ledger.append)
Path.rename = cut(Path.rename)
own_keys._sync = cut(own_keys._sync)
whole, steps = Path(sys.argv[1]), 0
while True:
    folder, left = whole.with_name(f"gate-{steps}"), steps
    shutil.copytree(whole, folder)
    if not (child := os.fork()):
        key = folder / "station.key"
        old = own_keys.opened(key, folder / "data")
        ledger = Ledger(folder / "data", Signer(old, "sy.example.cn", "410108001", "01"))
        own_keys.rotate(key, ledger, Clock("host").now(), "b", why="x", person="y")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(folder.name, code, flush=True)
    if code != -SIGKILL:
        sys.exit(code)
    steps += 1
"""


def test_killed_at_any_step_it_goes_on_with_the_key_that_the_ledger_names(tmp_path: Path) -> None:
    """Each step in a process of its own, a fork of one that has read the program once."""
    whole = House(tmp_path / "whole")
    whole.enter(2)
    before = whole.kid()
    told = subprocess.run([sys.executable, "-c", CUT, str(whole.folder)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    killed = [line.split() for line in told.stdout.splitlines()]
    assert [int(code) for _, code in killed] == [-signal.SIGKILL] * (len(killed) - 1) + [0]
    assert len(killed) > 8, "the steps were cut, one after the other"
    for name, _ in killed:
        house = House(tmp_path / name)
        house.enter(2)
        kids, named = house.kids(), [e["data"]["new_key"] for e in house.events() if "key.rotated" in e["type"]]
        assert house.verify() == len(kids)
        assert not house.key.with_name("station.key.next").exists()
        if named:
            assert load_key(house.key).public_key().public_bytes_raw().hex() == named[0]
            assert kids[-1] == house.kid() != before and kids[:3] == [before] * 3
            assert load_key(house.key).public_key() == _public(house)
        else:
            assert kids == [before] * 4 and house.kid() == before


def _public(house: House) -> Any:
    return load_public_key(house.key.with_suffix(".pub"))


def test_the_old_key_signs_nothing_after_the_change(house: House) -> None:
    old = house.key.read_bytes()
    house.rotate()
    house.key.write_bytes(old)
    with pytest.raises(LedgerUnusable, match=r"station\.key\.next"):
        house.open()


def test_a_key_that_nobody_named_is_told(house: House) -> None:
    foreign = Ed25519PrivateKey.generate()
    with pytest.raises(LedgerBroken, match=kid_of(foreign.public_key()).hex()):
        house.verify(foreign.public_key())


@pytest.mark.parametrize("fault", ["proof", "order", "unnamed"])
def test_a_change_that_is_not_proven_breaks_the_ledger(house: House, fault: str) -> None:
    """Whoever has the old key alone cannot name a key that he does not hold; nobody signs out of his time."""
    old, new = load_key(house.key), Ed25519PrivateKey.generate()
    with closing(house.open()) as ledger, ledger.batch():
        if fault != "unnamed":
            said = proof("410108001-01", old.public_key(), new)
            if fault == "proof":
                said = proof("410108001-02", old.public_key(), new)
            record = KeyRotated(
                old_key=old.public_key().public_bytes_raw().hex(),
                new_key=new.public_key().public_bytes_raw().hex(),
                proof=said,
                why="x",
                person="y",
            )
            ledger.append("key.rotated", "410108001-01", record, Clock("host").now(), "b")
        by = [new, old] if fault == "order" else [new]
        for key in by:
            ledger.signer = Signer(key, "sy.example.cn", "410108001", "01")
            goods = Goods(product="01040201", name="大白菜")
            entry = EntryRegistered(goods=goods, net_g=1, origin="河南", supplier="李四", sample="1")
            code = str(ledger.next_code(CodeKind.TEST))
            ledger.append("entry.registered", code, entry, Clock("host").now(), "b")
    with pytest.raises(LedgerBroken):
        house.verify(old.public_key())
    with pytest.raises(LedgerBroken):
        house.verify(new.public_key())


def test_station_keys_that_were_tampered_with_are_told(house: House) -> None:
    house.rotate()
    file = house.folder / "station.keys"
    file.write_bytes(file.read_bytes().replace(b'"why":"', b'"why":"z'))
    with pytest.raises(BadKey, match=r"station\.keys"):
        house.open()


def test_the_command_needs_a_station_that_does_not_run_and_says_what_is_next(house: House) -> None:
    config = str(house.folder / "station.toml")
    order = ["keys", "rotate", "-c", config, "--person", "王敏", "--why", "离职"]
    with closing(house.open()):
        told = CliRunner().invoke(main, order)
        assert told.exit_code == 1 and ("正在使用" in told.output or "another station" in told.output)
    old = house.kid()
    told = CliRunner().invoke(main, order)
    assert told.exit_code == 0, told.output
    assert (
        f"signed by {old}" in told.output and load_key(house.key).public_key().public_bytes_raw().hex() in told.output
    )
    told = CliRunner().invoke(main, ["ledger", "verify", "-c", config])
    assert told.exit_code == 0 and json.loads(told.stdout.splitlines()[-1])["ok"]
    told = CliRunner().invoke(main, ["ledger", "verify", "-c", config, "--key", str(house.folder / "station.pub")])
    assert told.exit_code == 0


# --- backups ----------------------------------------------------------------------------------------------------------


def backed_up(house: House, name: str, *more: str) -> Path:
    file = house.folder.parent / name
    told = CliRunner().invoke(main, ["ledger", "backup", str(file), "-c", str(house.folder / "station.toml"), *more])
    assert told.exit_code == 0, told.output
    return file


def restored(house: House, file: Path) -> Any:
    config = str(house.folder / "station.toml")
    for lost in house.data.glob("ledger.db*"):
        lost.unlink()
    order = ["ledger", "restore", str(file), "-c", config, "--person", "王敏", "--without-city"]
    return CliRunner().invoke(main, order)


@pytest.mark.parametrize("with_key", [False, True])
def test_a_backup_of_before_the_change_goes_on_with_the_new_key(house: House, with_key: bool) -> None:
    file = backed_up(house, "before.tar", *(["--with-key"] if with_key else []))
    house.rotate()
    house.enter(2)
    new = house.kid()
    told = restored(house, file)
    assert told.exit_code == 0, told.output
    house.enter(2)
    assert house.kid() == new and house.kids()[-3:] == [new] * 3
    config = str(house.folder / "station.toml")
    told = CliRunner().invoke(main, ["ledger", "verify", "-c", config])
    assert told.exit_code == 0, told.output


def test_a_backup_of_after_the_change_is_restored_onto_a_new_card(house: House, tmp_path: Path) -> None:
    house.rotate()
    house.enter(2)
    file, new = backed_up(house, "after.tar", "--with-key"), house.kid()
    card = House(tmp_path / "card")
    told = restored(card, file)
    assert told.exit_code == 0, told.output
    card.enter()
    assert card.kid() == new and card.verify() == 8


def test_salvage_reads_the_records_of_both_keys(house: House) -> None:
    house.rotate()
    house.enter(3)
    out = house.folder.parent / "salvaged.tar"
    config = str(house.folder / "station.toml")
    told = CliRunner().invoke(main, ["ledger", "salvage", str(house.data), "-o", str(out), "-c", config])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout[: told.stdout.rindex("}") + 1])["kept"] == 7
    assert out.exists()
