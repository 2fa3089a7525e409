"""People and programs: who may come in, and what becomes of it when somebody does.

The PIN itself never comes here: the web verifies it against its hash, in a thread of its own.
"""

from dataclasses import replace

from edge.between.inbox import Refused
from edge.between.people_commands import (
    AddOperator,
    AddProgram,
    AskPin,
    ChangeOperator,
    KeptPin,
    Noted,
    PersonAnswer,
    PinWasRight,
    ProgramAnswer,
    RemoveProgram,
    SignOut,
    StillThere,
)
from edge.between.roster import Person, Program
from edge.jobs.doing import does
from edge.state.station import Station


def add(station: Station, command: AddOperator) -> PersonAnswer:
    """Somebody new. Raises Refused."""
    person = Person(command.code, command.name, command.role, True, bool(command.pin))
    return _answer(station.operators.add(person, command.pin))


def change(station: Station, command: ChangeOperator) -> PersonAnswer:
    """Name, role, PIN, active or not. Raises Refused."""
    asked = {name: getattr(command, name) for name in ("name", "role", "active")}
    news = {name: value for name, value in asked.items() if value is not None}
    person = replace(station.operators.find(command.code), **news)
    return _answer(station.operators.change(person, command.pin))


def add_program(station: Station, command: AddProgram) -> ProgramAnswer:
    """A token for other software. Raises Refused."""
    station.operators.add_program(Program(command.name, command.role), command.mark)
    return ProgramAnswer(name=command.name, role=command.role)


def remove_program(station: Station, command: RemoveProgram) -> ProgramAnswer:
    """Its token counts no more. Raises Refused."""
    program = station.operators.remove_program(command.name)
    return ProgramAnswer(name=program.name, role=program.role)


def ask_pin(station: Station, command: AskPin) -> KeptPin:
    """Count it as wrong, and hand over what to verify it against. Raises Refused."""
    station.attempts.count(command, known=command.code in station.operators.people())
    return KeptPin(kept=station.operators.pin(command.code))


def pin_was_right(station: Station, command: PinWasRight) -> PersonAnswer:
    """It was not wrong; the person is signed in, where a session is meant. Raises Refused."""
    person = station.operators.find(command.code)
    if not person.active:
        raise Refused("not_active", f"{person.name} 已停用", f"{person.name} may not sign in any more")
    station.attempts.right(command)
    if command.session:
        station.sessions.open(command.session, command.code)
    return _answer(person)


def sign_out(station: Station, command: SignOut) -> Noted:
    """This session is over."""
    station.sessions.end(command.session)
    return Noted()


def still_there(station: Station, command: StillThere) -> Noted:
    """Somebody uses it."""
    station.sessions.used(command.session)
    return Noted()


def _answer(person: Person) -> PersonAnswer:
    return PersonAnswer(code=person.code, name=person.name, role=person.role, active=person.active, pin=person.pin)


does(AddOperator, add)
does(ChangeOperator, change)
does(AddProgram, add_program)
does(RemoveProgram, remove_program)
does(AskPin, ask_pin)
does(PinWasRight, pin_was_right)
does(SignOut, sign_out)
does(StillThere, still_there)
