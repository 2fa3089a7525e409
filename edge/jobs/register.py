"""The register of scales: a record when another thing counts of one, an alarm before a verification ends.

What counts is changed by station.toml, or by a person on the page.
"""

from datetime import date

from edge.between.day_commands import RenewAnswer, RenewScale
from edge.between.inbox import Refused
from edge.config.sections import ScaleSection
from edge.jobs.doing import does
from edge.jobs.timed import timed
from edge.records.ledger import ALARM
from edge.state.scale_register import ENTERED, Changed, identity_of, written
from edge.state.station import Station
from protocol.city.day_events import ScaleExpiring, ScaleRegistered

MOST_YEARS = 3  # of a verification; trade scales have one year (contract A10)


def renew(station: Station, command: RenewScale) -> RenewAnswer:
    """A person enters what stands on a scale's plates, certificate and seals. Raises Refused."""
    part = station.scale(command.scale).part
    given = {name: value for name in ENTERED if (value := getattr(command, name)) is not None}
    said = {name: value for name, value in given.items() if value != written(part, name)}
    if not said:
        raise Refused("nothing_changed", "与现有登记相同，没有改动", "nothing differs from what is registered")
    if "verified_until" in said:
        _last_day(station, part, said["verified_until"])
    before, part = identity_of(part), station.register.enter(part, said)
    now = identity_of(part)
    names = tuple(name for name, value in now if value != getattr(before, name))
    record = ScaleRegistered(**now.model_dump(), changed=names, person=command.person)
    recorded = station.record("scale.registered", station.subject, record)
    station.register.recorded(Changed(now, names), recorded.seq)
    station.renewed(part)
    return RenewAnswer(seq=recorded.seq, scale=part.name, changed=names, verified_until=written(part, "verified_until"))


def _last_day(station: Station, part: ScaleSection, said: str) -> None:
    """Raises Refused for a day that no certificate has."""
    if not said:
        raise Refused(
            "date_missing",
            "检定有效期不能删去，只能改为证书上的日期",
            "the last day of the verification cannot be taken out: write the one on the certificate",
        )
    today = station.today()
    if today is not None and date.fromisoformat(said).year > today.year + MOST_YEARS:
        raise Refused(
            "date_far",
            f"{said} 太远：请核对证书上的有效期",
            f"{said} is too far away: compare it with the certificate",
        )


def due(station: Station) -> bool:
    return bool(station.register.changes() or station.register.to_warn(station.today()))


def enter(station: Station) -> None:
    """What changed, and what ends soon or has ended: each once."""
    for one in station.register.changes():
        registered = ScaleRegistered(**one.identity.model_dump(), changed=one.names, active=one.active)
        station.register.recorded(one, station.record("scale.registered", station.subject, registered).seq)
    for identity, expired in station.register.to_warn(station.today()):
        record = ScaleExpiring(**identity.model_dump(), expired=expired)
        station.record("scale.expiring", station.subject, record, lane=ALARM)
        station.register.warned(identity, expired=expired)


does(RenewScale, renew)
timed("register", due, enter)
