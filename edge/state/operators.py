"""People with a code, a role and a PIN, and programs with a token: who they are, and every change of it as a record.

From the first person on everybody who uses the station has a name (``between/roster.py``).
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable

from edge.between.inbox import Refused
from edge.between.people import SENIORS, Role
from edge.between.pins import fit
from edge.between.roster import Person, Program
from edge.records.ledger import Ledger
from protocol.city.events import PersonChanged
from protocol.frozen import frozen

log = logging.getLogger("people")
Tell = Callable[[PersonChanged], object]


@frozen
class Entry:
    """A person as the city's directory has it. An empty ``pin`` leaves the one that is there."""

    code: str
    name: str
    role: Role
    active: bool = True
    pin: str = ""

    def __repr__(self) -> str:
        return f"Entry({self.code})"


class Operators:
    """Owned by the core thread; every change stands in the current transaction, with its record made by ``tell``.

    ``ended`` is called with the code of a person who is to be signed out everywhere.
    """

    def __init__(self, ledger: Ledger, tell: Tell, ended: Callable[[str], None]) -> None:
        self._conn = ledger.conn
        self._tell = tell
        self._ended = ended
        self.changed = True

    # --- finding ----------------------------------------------------------------------------------------------------

    def people(self) -> dict[str, Person]:
        return people(self._conn)

    def programs(self) -> dict[str, Program]:
        """By the mark of their token."""
        rows = self._conn.execute("SELECT mark, name, role FROM programs")
        return {mark: Program(name, Role(role)) for mark, name, role in rows}

    def find(self, code: str) -> Person:
        """Raises Refused."""
        if (person := self.people().get(code)) is None:
            raise Refused("no_operator", f"没有人员编号 {code}", f"no person has the code {code}")
        return person

    def pin(self, code: str) -> str:
        """The hash of somebody's PIN; empty for who has none, is not active, or is not known."""
        row = self._conn.execute("SELECT pin FROM operators WHERE code = ? AND active", (code,)).fetchone()
        return str(row[0]) if row else ""

    # --- people -----------------------------------------------------------------------------------------------------

    def add(self, person: Person, pin: str) -> Person:
        """Somebody new; raises Refused when the code is somebody's."""
        if (known := self.people().get(person.code)) is not None:
            raise Refused(
                "operator_known",
                f"编号 {person.code} 已经是{known.name}的",
                f"the code {person.code} is {known.name}'s already",
            )
        return self._write(person, pin, ["added"])

    def change(self, person: Person, pin: str = "") -> Person:
        """Somebody is this from now on, with another PIN where one is given; nothing is recorded when nothing is new.

        Raises Refused, also when nobody would be left who may change people.
        """
        before = self.find(person.code)
        changed = [name for name in ("name", "role", "active") if getattr(before, name) != getattr(person, name)]
        if pin:
            changed.append("pin")
        if not changed:
            return before
        if (
            _senior(before)
            and not _senior(person)
            and not any(_senior(one) for one in self.people().values() if one.code != person.code)
        ):
            raise Refused(
                "last_senior",
                "这是最后一位主管或技术员；请先添加另一位",
                "this is the last supervisor or technician: add another one first",
            )
        return self._write(person, pin, changed)

    def from_directory(self, entries: Iterable[Entry]) -> int:
        """What the city's directory says of people; answers how many were changed. Who is not in it stays.

        The city has the last word: it may take the last supervisor, and the command line of the box adds another one.
        """
        changed = 0
        for entry in entries:
            pin = entry.pin
            if pin and not fit(pin):
                log.warning("operator %s: the city's hash of the PIN cannot be used: argon2id is wanted", entry.code)
                pin = ""
            before = self.people().get(entry.code)
            person = Person(entry.code, entry.name, entry.role, entry.active, bool(pin))
            news = ["added"] if before is None else []
            if before is not None:
                news = [name for name in ("name", "role", "active") if getattr(before, name) != getattr(entry, name)]
                news += ["pin"] if pin and pin != self._kept(entry.code) else []
            if news:
                self._write(person, pin, news)
                changed += 1
        return changed

    def _kept(self, code: str) -> str:
        row = self._conn.execute("SELECT pin FROM operators WHERE code = ?", (code,)).fetchone()
        return str(row[0])

    def _write(self, person: Person, pin: str, changed: list[str]) -> Person:
        self._conn.execute(
            "INSERT INTO operators VALUES (?, ?, ?, ?, ?) ON CONFLICT (code) DO UPDATE SET name = excluded.name, "
            "role = excluded.role, active = excluded.active, pin = coalesce(nullif(excluded.pin, ''), pin)",
            (person.code, person.name, person.role, person.active, pin),
        )
        self.changed = True
        if not person.active or "pin" in changed:
            self._ended(person.code)
        self._record(person.code, person.name, person.role, person.active, changed)
        return self.find(person.code)

    # --- programs ---------------------------------------------------------------------------------------------------

    def add_program(self, program: Program, mark: str) -> None:
        """Raises Refused when there is one of this name."""
        if (
            program in self.programs().values()
            or self._conn.execute("SELECT 1 FROM programs WHERE name = ?", (program.name,)).fetchone()
        ):
            raise Refused(
                "program_known",
                f"程序 {program.name} 已有令牌；请先删除",
                f"{program.name} has a token already: remove it first",
            )
        self._conn.execute("INSERT INTO programs VALUES (?, ?, ?)", (program.name, program.role, mark))
        self.changed = True
        self._record(program.code, program.code, program.role, True, ["added"])

    def remove_program(self, name: str) -> Program:
        """Raises Refused."""
        program = next((one for one in self.programs().values() if one.name == name), None)
        if program is None:
            raise Refused("no_program", f"没有程序 {name}", f"no program {name} has a token")
        self._conn.execute("DELETE FROM programs WHERE name = ?", (name,))
        self.changed = True
        self._record(program.code, program.code, program.role, False, ["active"])
        return program

    def _record(self, code: str, name: str, role: Role, active: bool, changed: list[str]) -> None:
        said = {"code": code, "name": name, "role": role.value, "active": active, "changed": changed}
        self._tell(PersonChanged.model_validate(said))


def anybody(conn: sqlite3.Connection) -> bool:
    """Whether anybody has a name here."""
    return conn.execute("SELECT 1 FROM operators LIMIT 1").fetchone() is not None


def _senior(person: Person) -> bool:
    return person.active and person.role in SENIORS


def people(conn: sqlite3.Connection) -> dict[str, Person]:
    """Everybody of this ledger, by code."""
    rows = conn.execute("SELECT code, name, role, active, pin <> '' FROM operators ORDER BY code")
    return {code: Person(code, name, Role(role), bool(active), bool(pin)) for code, name, role, active, pin in rows}
