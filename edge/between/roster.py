"""Who may come in: what the web knows of people, their sessions and programs, as the core has posted it.

Nothing in it opens a door: of the words of sessions and programs it has the marks (``pins.mark_of``), of PINs nothing.
"""

from collections.abc import Mapping
from dataclasses import field

from edge.between.people import Role, Who
from protocol.frozen import frozen


@frozen
class Person:
    """An operator, as others may see one."""

    code: str
    name: str
    role: Role
    active: bool
    pin: bool  # whether there is one

    @property
    def who(self) -> Who:
        return Who(self.code, frozenset({self.role}), self.name)


@frozen
class Program:
    """Other software that may use the API."""

    name: str
    role: Role

    @property
    def who(self) -> Who:
        return Who(self.code, frozenset({self.role}), self.code)

    @property
    def code(self) -> str:
        return f"token:{self.name}"


@frozen
class Roster:
    """``sessions`` leads from a mark to the person's code, ``programs`` from a mark to the program.

    ``browsers`` are the marks of those where somebody has signed in before.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict, repr=False)
    programs: Mapping[str, Program] = field(default_factory=dict, repr=False)
    browsers: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def guarded(self) -> bool:
        """Whether anybody has a name here: from then on everybody needs one."""
        return bool(self.people)

    def in_session(self, mark: str) -> Person | None:
        """Who is signed in there."""
        person = self.people.get(self.sessions.get(mark, ""))
        return person if person is not None and person.active else None

    def active(self) -> list[Person]:
        """Those who may sign in, by name."""
        return sorted((one for one in self.people.values() if one.active), key=lambda one: (one.name, one.code))
