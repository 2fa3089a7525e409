"""What is ordered about people: who may come in, and what the web asks of the core when somebody does.

They have no address of their own: a PIN or token is made into its hash or mark before the core hears of it, in
``edge/web/api_people.py``.  Nothing here shows either when it is written out.
"""

from typing import Annotated

from pydantic import Field

from edge.between.command_table import Answer, Command, order
from edge.between.people import SENIORS, TECHNICIANS, Role
from protocol.city.events import ONE_LINE

OperatorCode = Annotated[
    str, Field(pattern=r"^[0-9]{1,13}$", description="1 to 13 digits; stands in the records.", examples=["0007"])
]
StaffName = Annotated[str, Field(min_length=1, max_length=40, examples=["王敏"]), ONE_LINE]
ProgramName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$", examples=["till"])]
Hash = Annotated[str, Field(repr=False)]


class PersonAnswer(Answer):
    """The person as known now."""

    code: str
    name: str
    role: Role
    active: bool
    pin: bool = Field(description="Whether a PIN is set; without one nobody can sign in with this code.")


@order("", PersonAnswer, "Add a person", status=201, roles=SENIORS)
class AddOperator(Command):
    """Somebody new, with a code of their own, a role and a PIN."""

    code: OperatorCode
    name: StaffName
    role: Role
    pin: Hash = ""


@order("", PersonAnswer, "Change a person", roles=SENIORS)
class ChangeOperator(Command):
    """What is left out stays. A person who is not active is signed out everywhere and cannot sign in."""

    code: OperatorCode
    name: StaffName | None = None
    role: Role | None = None
    active: bool | None = None
    pin: Hash = ""


class ProgramAnswer(Answer):
    """The program whose token counts, or does no longer."""

    name: str
    role: Role


@order("", ProgramAnswer, "Give a program a token", status=201, roles=TECHNICIANS)
class AddProgram(Command):
    """Other software that may use the API; what it records says ``token:NAME``."""

    name: ProgramName
    role: Role
    mark: Hash


@order("", ProgramAnswer, "Take a program's token away", roles=TECHNICIANS)
class RemoveProgram(Command):
    """Its token does not count any more."""

    name: ProgramName


# --- between the web and the core alone -------------------------------------------------------------------------------


class At(Command):
    """Which way somebody comes who enters a PIN.

    ``peer`` is the address, empty at the box itself; ``browser`` the mark of one where people signed in before; ``by``
    is the person signed in there who asks for another one's word.
    """

    code: str
    peer: str = ""
    browser: Hash = ""
    by: str = ""


class KeptPin(Answer):
    """The hash to verify a PIN against; empty where there is none."""

    kept: Hash


@order("", KeptPin, "Somebody enters a PIN")
class AskPin(At):
    """Counted as a wrong one, on the disk, before it is verified. Refused while too many were (``pin_wait``)."""


@order("", PersonAnswer, "The PIN was right")
class PinWasRight(At):
    """What was counted is forgotten; with ``session`` the person is signed in there."""

    session: Hash = ""


class Noted(Answer):
    """It is noted."""


@order("", Noted, "Sign out")
class SignOut(Command):
    """This session is over."""

    session: Hash


@order("", Noted, "Somebody is still there")
class StillThere(Command):
    """This session is used."""

    session: Hash
