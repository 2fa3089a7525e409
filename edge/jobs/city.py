"""What the city orders (contract part C4): each command of ``protocol/city/commands.py``, done once.

The core has made sure that a key of the city signed it, that it is for this station, counts now, and is new. A
function changes the state and answers the record it made, if any; it raises Refused with nothing changed.  Telephone
and identity numbers in its texts are masked, not refused: a stop has to be obeyed.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.between.ledger_commands import SendAgain
from edge.between.people import Role
from edge.jobs import delivery
from edge.jobs.lots import suspend
from edge.records.clock import text_of
from edge.records.ledger import Recorded
from edge.state.claims import Offer, Portion
from edge.state.directory import older
from edge.state.operators import Entry
from edge.state.station import Station
from edge.state.stops import CITY as STOPPED_BY
from protocol.city.commands import (
    CityCommand,
    Directory,
    FocusList,
    Keys,
    LabVerdict,
    Lots,
    Orders,
    PriceLimits,
    Resend,
    ResumeLot,
    SetConfig,
    StopLot,
)
from protocol.city.events import CityObeyed, ConfigApplied, LotVerdict, SettingApplied
from protocol.city.orders import CityOrder, Head
from protocol.personal import masked

_OF_PEOPLE = ("laboratory", "item", "method")  # texts of a verdict, in which no person's number is kept
LONGEST_WHY = 120
OBEYS: dict[type[CityCommand], Callable[[Station, Head, Any], Recorded | None]] = {}
C = TypeVar("C", bound=CityCommand)


def obeys(command: type[C], function: Callable[[Station, Head, C], Recorded | None]) -> None:
    """This function does that command."""
    OBEYS[command] = function


def obey(station: Station, order: CityOrder) -> int | None:
    """Do it; answers the number of the record it made. Raises Refused."""
    recorded = OBEYS[type(order.command)](station, order.head, order.command)
    return recorded.seq if recorded else None


def _obeyed(station: Station, head: Head, what: str = "", lot: str = "", reason: str = "") -> Recorded:
    """The record that this command changed something."""
    record = CityObeyed(
        command=head.id,
        name=head.name,
        issued=text_of(head.issued),
        kid=head.kid,
        lot=lot or None,
        reason=masked(reason),
        what=what,
    )
    return station.record("city.obeyed", lot or station.subject, record)


# --- lots -------------------------------------------------------------------------------------------------------------


def stop_lot(station: Station, head: Head, command: StopLot) -> Recorded:
    """Nothing of it is sold from now on, whether it is here or comes later."""
    station.lots.stop(command.lot, command.reason, STOPPED_BY, at=head.issued)
    return _obeyed(station, head, lot=command.lot, reason=command.reason)


def resume_lot(station: Station, head: Head, command: ResumeLot) -> Recorded:
    """The city's stop ends; what a test held stays held."""
    station.lots.resume(command.lot, STOPPED_BY, at=head.issued)
    return _obeyed(station, head, lot=command.lot, reason=command.reason)


def lots(station: Station, head: Head, command: Lots) -> Recorded:
    """Lots of the node's gates are offered to the stall's people."""
    for one in command.lots:
        issuer = f"{one.source[:9]}-{one.source[10:12]}"
        kid = station.node_keys.station(issuer)
        if not kid:
            raise Refused(
                "unknown_station",
                f"本站没有 {issuer} 的公钥：请先下发 keys",
                f"this station does not know the key of {issuer}: send it first, by the command keys",
            )
        portion = Portion(one.source, station.node_keys.first(kid), 0)
        facts = one.model_dump(mode="json") | {"tested_at": one.tested_at or None}
        facts |= {name: masked(facts[name]) for name in ("supplier", "origin")}
        station.lots.offer(Offer(portion, issuer, "city", facts), head.issued)
    return _obeyed(station, head, f"lots {len(command.lots)}")


def lab_verdict(station: Station, head: Head, command: LabVerdict) -> Recorded:
    """A laboratory's conclusion is recorded and shown; it releases nothing, and holds what it is against."""
    said = {name: masked(value) if name in _OF_PEOPLE else value for name, value in command.model_dump().items()}
    if command.conclusion == "unqualified" and not station.city_lists.knows_later(command.lot, head.issued):
        _hold(station, command)
    recorded = station.record("lot.verdict", command.lot, LotVerdict(command=head.id, **said))
    station.city_lists.concluded(command.lot, recorded.seq, head.issued)
    station.holds.concluded(command.lot, recorded.seq, command.conclusion, head.issued)
    return recorded


def _hold(station: Station, command: LabVerdict) -> None:
    """A lot of this station that a laboratory found against is on sale no more."""
    for code in station.lots.records(command.lot):
        lot = station.lots.find(code)
        if lot.state in (LotState.PENDING, LotState.RELEASED):
            station.lots.becomes(lot, LotState.HELD, lot.source)
            why = f"检验结论不合格：{masked(command.item)}，报告 {command.report_no}"
            suspend(station, lot, why[:LONGEST_WHY])


# --- orders, lists, people --------------------------------------------------------------------------------------------


def orders(station: Station, head: Head, command: Orders) -> Recorded:
    """The canteen's orders are kept."""
    news = station.city_lists.take_orders(command.orders, head.issued, station.today())
    if not news:
        raise older("orders")
    return _obeyed(station, head, f"orders {news}")


def directory(station: Station, head: Head, command: Directory) -> Recorded:
    """Operators, buyers and suppliers as the city knows them."""
    news = station.directory.take(command, head.issued)
    if command.operators is not None and station.operators.people():  # a stall without PINs is not shut by a list
        people = (
            Entry(one.code, one.name, Role(one.role), one.state == "active") for one in station.directory.operators()
        )
        news += station.operators.from_directory(people)
    return _obeyed(station, head, f"entries {news}")


def focus_list(station: Station, head: Head, command: FocusList) -> Recorded:
    """What the gate looks at closely."""
    station.city_lists.take_focus(command, head.issued)
    return _obeyed(station, head, f"entries {len(command.entries)}")


def price_limits(station: Station, head: Head, command: PriceLimits) -> Recorded:
    """The highest prices by announcement."""
    station.city_lists.take_limits(command, head.issued)
    station.prices_changed = True
    return _obeyed(station, head, f"limits {len(command.limits)}")


# --- the station itself -----------------------------------------------------------------------------------------------


def keys(station: Station, head: Head, command: Keys) -> Recorded:
    """Whose signatures count from now on."""
    news = station.keys.take(command, head.issued)
    if not news:
        raise older("keys")
    station.undo.append(station.trust)
    station.trust()
    return _obeyed(
        station, head, f"add {len(command.add)} revoke {len(command.revoke)} stations {len(command.stations)}"
    )


def config(station: Station, head: Head, command: SetConfig) -> Recorded:
    """Settings that the city may set: all of them, or none."""
    changed = station.settings.take(command.settings, head.issued)
    station.undo.append(station.configure)
    station.configure()
    applied = tuple(SettingApplied(name=name, before=before, after=now) for name, (before, now) in changed.items())
    record = ConfigApplied(command=head.id, settings=applied)
    return station.record("config.applied", station.subject, record)


def resend(station: Station, head: Head, command: Resend) -> None:
    """Records are published once more; they are what the city hears of it."""
    delivery.send_again(station, SendAgain(first=command.first, last=command.last))


obeys(StopLot, stop_lot)
obeys(ResumeLot, resume_lot)
obeys(Lots, lots)
obeys(LabVerdict, lab_verdict)
obeys(Orders, orders)
obeys(Directory, directory)
obeys(FocusList, focus_list)
obeys(PriceLimits, price_limits)
obeys(Keys, keys)
obeys(SetConfig, config)
obeys(Resend, resend)
