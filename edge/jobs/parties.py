"""Suppliers and buyers, as a page picks them."""

from datetime import date, timedelta
from typing import Literal

from edge.between.inbox import Refused
from edge.between.party_commands import FindParties, KeepParty, PartiesAnswer, PartyFound
from edge.jobs.doing import does
from edge.state.parties import Party
from edge.state.station import Station
from protocol.personal import found

ENDING = timedelta(days=30)


def find(station: Station, command: FindParties) -> PartiesAnswer:
    """Who is meant, best first."""
    if command.exact:
        text = command.q.strip()
        code = text if text.isascii() and text.isdigit() and len(text) == 13 else ""
        one = station.parties.of(command.kind, code, text)
        return PartiesAnswer(entries=(_told(station, one),) if one and text else ())
    every = station.parties.find(command.kind, command.q, command.job)
    return PartiesAnswer(entries=tuple(_told(station, one) for one in every))


def keep(station: Station, command: KeepParty) -> PartyFound:
    """How to reach somebody; raises Refused when nobody is named."""
    name = command.name
    known = station.parties.of(command.kind, command.code, name)
    if not (name := name or (known.name if known else "")):
        raise Refused("party_name", "请写明名称", "write the name")
    code = command.code or (known.code if known else "")
    station.parties.keep(command.kind, code, name, command.address, command.contact)
    kept = station.parties.of(command.kind, code, name)
    assert kept is not None
    return _told(station, kept)


def _told(station: Station, one: Party) -> PartyFound:
    entry = one.entry
    return PartyFound(
        kind=one.kind,
        code=one.code,
        name=one.name,
        initials=one.initials,
        listed=entry is not None,
        state=entry.state if entry else "active",
        why=entry.why if entry else "",
        licence=entry.licence if entry else "",
        licence_until=entry.licence_until if entry else "",
        licence_state=_licence(entry.licence_until if entry else "", station.today()),
        address=one.address,
        contact=one.contact,
        personal=bool(found(one.contact)),
        recent=one.recent,
    )


def _licence(until: str, today: date | None) -> Literal["", "valid", "ending", "expired"]:
    """Nothing is said of a licence while nobody knows which day it is."""
    if not until or today is None:
        return ""
    last = date.fromisoformat(until)
    return "expired" if last < today else "ending" if last - today <= ENDING else "valid"


does(FindParties, find)
does(KeepParty, keep)
