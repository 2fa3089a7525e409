"""A person enters a scale's new certificate, codes and seal in the register."""

from datetime import date

from edge.between.day_commands import RenewAnswer, RenewScale
from edge.between.inbox import Refused
from edge.config.sections import ScaleSection
from edge.jobs.doing import does
from edge.state.scale_register import ENTERED, Changed, identity_of, written
from edge.state.station import Station
from protocol.city.day_events import ScaleRegistered

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


does(RenewScale, renew)
