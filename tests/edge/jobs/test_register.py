"""The register of scales by page: what a person enters counts, by name, on slips and after a restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.between.commands import Command
from edge.between.day_commands import RenewScale
from edge.between.inbox import Refused
from edge.between.people import Role, Who
from edge.cli.scales import entered_by_page, with_entered
from edge.documents import Documents
from edge.jobs import renewals
from edge.printing.typesetting import Typesetter
from protocol.city.day_events import ScaleRegistered
from protocol.printers.plain import plain

OLD = 'verified_until = 2026-11-21\ncertificate = "豫-2025-0007"\nmaker = "某衡器厂"\ntype = "ACS-30"'


@pytest.fixture
def expired(devices: str) -> str:
    """A scale whose verification ended yesterday."""
    return devices.replace("verified_until = 2027-06-30", OLD)


def renews(**more: Any) -> RenewScale:
    said = {"certificate": "豫-2026-0012", "verified_until": "2027-11-20", "verification_code": "13812345678"}
    return RenewScale(**{"scale": "scale-1", "seal": "F-9", "person": "王敏", **said, **more})


def refused(station: Any, command: Command, **more: Any) -> str:
    with pytest.raises(Refused) as why:
        station.does(command, **more)
    return why.value.code


def sold(station: Any) -> dict[str, Any]:
    station.puts("1.250")
    answer: dict[str, Any] = station.sells(next(lot.source for lot in station.board.lots if lot.source))
    return answer


def test_a_scale_whose_verification_ended_sells_when_its_new_certificate_is_entered(
    box: Callable[..., Any], expired: str
) -> None:
    station = box(expired)
    station.turn()
    station.releases()
    station.puts("1.250")
    assert station.scale.why == "unverified"
    assert [one.word for one in station.board.cautions if one.about.startswith("[[scale]]")] == ["expired"]
    answer = station.does(renews())
    assert answer["changed"] == ["certificate", "seal", "verification_code", "verified_until"]
    assert (answer["seq"], answer["verified_until"]) == (station.ledger.head.seq, "2027-11-20")
    said = ScaleRegistered.model_validate(station.last["data"])
    assert said.model == "ACS-30"
    assert (said.maker, said.certificate, said.seal, said.person) == ("某衡器厂", "豫-2026-0012", "F-9", "王敏")
    assert said.active and list(said.changed) == answer["changed"] and station.last["operator"] == "unnamed"
    view = station.board.register[0]
    assert (view.certificate, view.verified_until, view.verification) == ("豫-2026-0012", "2027-11-20", "")
    assert not [one for one in station.board.cautions if one.about.startswith("[[scale]]")]
    sold(station)
    weighed = station.last["data"]["sold"][0]["weighed"]
    assert (weighed["certificate"], weighed["verified_until"]) == ("豫-2026-0012", "2027-11-20")
    slip = plain(Typesetter(station.config, Documents(None, [])).page(station.paper()))
    assert "豫-2026-0012" in slip and "2025-0007" not in slip


def test_what_was_entered_counts_before_station_toml_after_every_restart(box: Callable[..., Any], expired: str) -> None:
    station = box(expired)
    station.turn()
    station.does(renews())
    before = station.ledger.head.seq
    for toml in (expired, expired.replace("0007", "0008").replace("某衡器厂", "另一厂")):
        station = box(toml)
        station.turn()
        view = station.board.register[0]
        assert (view.certificate, view.verified_until) == ("豫-2026-0012", "2027-11-20")
        assert station.core._station.clock.certificates == station.core._station.config.certificates()
    assert view.maker == "另一厂"  # nobody entered another one
    made = [station.ledger.event(seq) for seq in range(before + 1, station.ledger.head.seq + 1)]
    assert [(one["data"]["changed"], one["data"]["person"]) for one in made if ".scale." in one["type"]] == [
        (["maker"], None)
    ]


def test_the_warning_comes_thirty_days_before_the_new_last_day(box: Callable[..., Any], expired: str) -> None:
    station = box(expired)
    station.turn()
    station.does(renews(verified_until="2026-12-22"))
    station.clock.go(60)
    station.turn()
    said = [one for one in map(station.ledger.event, range(1, station.ledger.head.seq + 1)) if ".scale." in one["type"]]
    assert [one["data"].get("expired") for one in said] == [None, True, None, False]
    assert station.board.register[0].verification == "soon"
    station.does(renews(verified_until="2027-12-22"))
    station.clock.go(60)
    station.turn()
    assert station.board.register[0].verification == ""
    assert station.last["type"].endswith("scale.registered.v1")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"scale": "scale-9"}, "no_scale"),
        ({"verified_until": ""}, "date_missing"),
        ({"verified_until": "2072-11-20"}, "date_far"),
        ({"person": "13812345678"}, "personal_number"),
    ],
)
def test_what_is_no_certificate_is_refused_and_changes_nothing(
    box: Callable[..., Any], expired: str, more: dict[str, str], code: str
) -> None:
    station = box(expired)
    station.turn()
    before, board = station.ledger.head.seq, station.board.register
    assert refused(station, renews(**more)) == code
    assert (station.ledger.head.seq, station.board.register) == (before, board)


def test_the_same_once_more_is_no_record_and_an_empty_text_takes_out(box: Callable[..., Any], expired: str) -> None:
    station = box(expired)
    station.does(renews())
    assert refused(station, renews()) == "nothing_changed"
    assert station.does(renews(seal="", accuracy="IIII"))["changed"] == ["accuracy", "seal"]
    assert (station.board.register[0].seal, station.board.register[0].accuracy) == ("", "IIII")
    assert box(expired).board.register[0].seal == ""


def test_a_supervisor_or_a_technician_enters_it(box: Callable[..., Any], expired: str) -> None:
    station = box(expired)
    assert refused(station, renews(), who=Who("7", frozenset({Role.OPERATOR}), "王敏")) == "needs_supervisor"
    assert station.does(renews(), who=Who("9", frozenset({Role.TECHNICIAN}), "赵工"))["seq"]
    assert station.last["operator"] == "9"


@pytest.mark.parametrize("known", [True, False])
def test_what_fails_leaves_the_scale_as_it_was(
    box: Callable[..., Any], expired: str, devices: str, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    station = box(expired if known else devices)
    station.turn()
    before = station.board.register
    part = station.core._station.scales["scale-1"].part

    class Fails(renewals.RenewAnswer):
        def __init__(self, **said: Any) -> None:
            raise ValueError("a mistake of ours")

    monkeypatch.setattr(renewals, "RenewAnswer", Fails)
    assert refused(station, renews()) == "unexpected"
    monkeypatch.undo()
    assert station.core._station.scales["scale-1"].part == part == station.core._station.config.scale[0]
    station.turn()
    assert station.board.register == before and before[0].certificate == ("豫-2025-0007" if known else "")
    assert len(station.does(renews())["changed"]) == 4
    assert station.board.register[0].seq == int(station.last["sequence"])


def test_check_says_what_counts_and_where_station_toml_says_otherwise(
    box: Callable[..., Any], expired: str, tmp_path: Path
) -> None:
    station = box(expired)
    station.does(renews())
    given = station.config
    counts = with_entered(given)
    ((about, outcome),) = list(entered_by_page(given.scale[0], counts))
    well, text = outcome()
    assert (about, well) == ("scale-1 register", None)
    assert "certificate = 豫-2026-0012（station.toml：豫-2025-0007）" in text and "seal = F-9;" in text
    assert list(entered_by_page(given.scale[1], counts)) == []
    assert (
        with_entered(
            given.model_copy(update={"station": given.station.model_copy(update={"data": tmp_path / "no"})})
        ).scale
        == given.scale
    )
