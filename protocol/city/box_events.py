"""What is recorded of the box itself: its clock, its people, its settings, what the city ordered."""

from typing import Annotated, Literal

from pydantic import Field

from protocol.city.record import CommandId, Name, Page, Record, Short, Trace, event, nothing


@event("clock.step", "校时", "Clock set", told=("before", "after", "why"))
class ClockStepped(Record):
    """The station's time went from ``before`` to ``after`` (contract C7); its own time is ``after``.

    ``offset_ms`` is after less before: added to the times of the records of ``boot_id`` that were made ``unsynced``
    since the step before, it dates them anew; the originals stay.  ``state`` is what the clock is worth now.
    ``source`` is who vouches for it: the kernel's time service, the host of a virtual machine, a person, the city's
    platform, or nobody.  ``why``: ``synced`` (first sync after the boot, or after it was lost), ``stepped`` (a believed
    time was put elsewhere), ``set`` (put forward, nobody vouches), ``confirmed`` (``person`` said that the date is
    right), ``estimated`` (from the city's signed answer, right to ``error_ms`` if the city's clock is).
    """

    boot_id: Short
    offset_ms: Annotated[int, Field(ge=-4_102_444_800_000, le=4_102_444_800_000)]
    before: Short
    after: Short
    state: Literal["synced", "holdover", "unsynced"]
    source: Literal["kernel", "host", "person", "platform", "none"]
    why: Literal["synced", "stepped", "set", "confirmed", "estimated"]
    person: Short | None = None
    error_ms: Annotated[int, Field(ge=0, le=60_000)] | None = Field(None, exclude_if=nothing)


@event("person.changed", "人员变更", "Person changed", told=("code", "role", "active"))
class PersonChanged(Record):
    """What somebody at the station is and may do now; a program with a token is ``token:NAME``.

    ``changed`` says what of it is new. A PIN or token is never in it, nor a telephone or identity number.
    """

    code: Short
    name: Short
    role: Literal["operator", "supervisor", "technician"]
    active: bool
    changed: Annotated[tuple[Literal["added", "name", "role", "active", "pin"], ...], Field(min_length=1)]


@event("city.obeyed", "执行平台指令", "City obeyed", told=("name", "command", "lot", "what"))
class CityObeyed(Record):
    """A command of the city was done that changes what people rely on. ``command`` is its id, ``kid`` the city's key.

    ``what`` says how much it changed: a count for each kind of thing.
    """

    command: CommandId
    name: Short
    issued: Short
    kid: Short
    lot: Trace | None = None
    reason: Name = ""
    what: Name = ""


class SettingApplied(Record):
    """A setting, before and after, as JSON."""

    name: Short
    before: Page
    after: Page


@event("config.applied", "远程设置", "Settings applied", told=("command",))
class ConfigApplied(Record):
    """The city replaced settings of station.toml. ``command`` is the id of its command."""

    command: CommandId
    settings: tuple[SettingApplied, ...]
