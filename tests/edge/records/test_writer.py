"""Records of a batch wait to be inserted together: nobody sees that, whatever is undone meanwhile."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.records import writer
from edge.records.clock import Clock
from edge.records.ledger import Ledger, Signer
from edge.records.verify import verify
from protocol.city.codes import CodeKind
from protocol.city.events import EVENTS
from protocol.ed25519 import private_key_of

KEY = private_key_of(bytes(range(32)))
SIGNER = Signer(KEY, "sy.example.cn", "410108001", "01")
KIND = "disk.short"


class Fails(Exception):
    pass


class Books:
    """A ledger, and beside it what it has to hold."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.clock = Ledger(folder, SIGNER), Clock("host")
        self.bodies: list[bytes] = []
        self.notes: dict[int, bytes] = {}

    def append(self) -> None:
        self.ledger.next_code(CodeKind.SALE)
        record = EVENTS[KIND].record(state="short", free_mb=len(self.bodies), total_mb=9)
        self.bodies.append(self.ledger.append(KIND, "x", record, self.clock.now(), self.clock.boot_id).body)

    def note(self) -> None:
        if self.bodies:
            self.notes[len(self.bodies)] = b"%d" % len(self.notes)
            self.ledger.note(len(self.bodies), self.notes[len(self.bodies)])

    def look(self) -> None:
        """As somebody who asks the table itself, and as one who asks for the newest record."""
        count = len(self.bodies)
        assert self.ledger.conn.execute("SELECT count(*), max(seq) FROM events").fetchone() == (count, count or None)
        self.newest()

    def newest(self) -> None:
        if self.bodies:
            assert self.ledger.body(len(self.bodies)) == self.bodies[-1]

    def step(self, *, fails: bool, work: Callable[[], None]) -> None:
        bodies, notes = [*self.bodies], {**self.notes}
        with suppress(Fails), self.ledger.step():
            work()
            if fails:
                self.bodies, self.notes = bodies, notes
                raise Fails

    def batch(self, *, fails: bool, work: Callable[[], None]) -> None:
        bodies, notes = [*self.bodies], {**self.notes}
        with suppress(Fails), self.ledger.batch():
            work()
            if fails:
                self.bodies, self.notes = bodies, notes
                raise Fails

    def hold(self) -> None:
        """All of it, to the byte, with the notes beside it."""
        ledger = self.ledger
        assert [ledger.body(seq + 1) for seq in range(len(self.bodies))] == self.bodies
        assert {seq: note for seq, note in ledger.notes(ledger.head.seq, 1000) if note} == self.notes
        assert verify(ledger.db, KEY.public_key())[0] == len(self.bodies)
        assert ledger.serials_at(ledger.head.seq) == {CodeKind.SALE.value: len(self.bodies)} if self.bodies else True


Deed = str | tuple[str, bool, list["Deed"]]
DEEDS: st.SearchStrategy[list[Deed]] = st.recursive(
    st.lists(st.sampled_from(["append", "append", "note", "look", "newest"]), max_size=5),
    lambda inner: st.lists(
        st.sampled_from(["append", "note", "look"])
        | st.tuples(st.sampled_from(["step", "batch"]), st.booleans(), inner),
        max_size=5,
    ),
    max_leaves=12,
)


def do(books: Books, deeds: list[Deed]) -> None:
    for deed in deeds:
        if isinstance(deed, str):
            getattr(books, deed)()
        else:
            kind, fails, inner = deed
            getattr(books, kind)(fails=fails, work=lambda inner=inner: do(books, inner))


@given(batches=st.lists(st.tuples(st.booleans(), DEEDS), min_size=1, max_size=3), together=st.sampled_from([1, 3, 256]))
def test_what_waits_is_undone_and_kept_as_if_it_stood_in_its_table(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[bool, list[Deed]]], together: int
) -> None:
    books = Books(tmp_path_factory.mktemp("writer"))
    with ExitStack() as stack, pytest.MonkeyPatch.context() as changed:
        stack.callback(books.ledger.close)
        changed.setattr(writer, "TOGETHER", together)
        for fails, deeds in batches:
            books.batch(fails=fails, work=lambda deeds=deeds: do(books, deeds))
            books.hold()


def test_a_record_outside_a_batch_is_in_its_table_at_once(tmp_path: Path) -> None:
    books = Books(tmp_path)
    books.append()
    books.ledger.conn.commit()
    books.hold()
    books.ledger.close()


def test_a_note_of_a_record_of_another_step_is_undone_with_its_own(tmp_path: Path) -> None:
    books = Books(tmp_path)

    def noted() -> None:
        books.step(fails=False, work=books.append)
        books.step(fails=True, work=books.note)

    books.batch(fails=False, work=noted)
    books.hold()
    assert not books.notes
    books.ledger.close()


def test_records_of_one_batch_are_inserted_by_one_statement(tmp_path: Path) -> None:
    books, said = Books(tmp_path), []
    books.ledger.conn.set_trace_callback(said.append)
    with books.ledger.batch():
        for _ in range(3):
            books.append()
        assert not [statement for statement in said if "events" in statement]
    books.ledger.conn.set_trace_callback(None)
    assert len([statement for statement in said if statement.startswith("INSERT INTO events")]) == 3
    books.ledger.close()


def test_what_was_read_of_a_table_is_known_until_it_may_have_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, SIGNER)
    conn = ledger.conn
    prices, both = conn.known("prices"), conn.known("prices", "parties")

    def knows() -> tuple[bool, bool]:
        """Whether each is known still; both are from now on."""
        found = bool(prices), bool(both)
        prices["1"] = both["1"] = 1
        return found

    knows()
    conn.execute("SELECT fen FROM prices").fetchall()
    conn.execute("UPDATE delivery SET upto = upto")
    assert knows() == (True, True)
    conn.execute("UPDATE parties SET name = ''")
    assert knows() == (True, False)
    conn.execute("INSERT INTO prices VALUES ('1', 2)", keeps=prices)
    assert knows() == (True, False)
    conn.executemany("DELETE FROM prices WHERE product = ?", [("1",)])
    assert knows() == (False, False)
    conn.executescript("DELETE FROM prices")
    assert knows() == (False, False)
    with ledger.batch():
        knows()
        with suppress(Fails), ledger.step():
            raise Fails
        assert knows() == (False, False)
    assert knows() == (True, True)
    with suppress(Fails), ledger.batch():
        raise Fails
    assert knows() == (False, False)
    with suppress(Fails), ledger.db.atomic():
        raise Fails
    assert knows() == (False, False)
    ledger.close()
