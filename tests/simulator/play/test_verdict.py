"""The verdict is not taken in: what is missing, twice or unheard of is told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.play.director import Answered, Director, StepFailed, market_of
from simulator.play.scenario import Again, Device, Entry, Expect, Sale, Scenario
from simulator.play.verdict import judge

GONE = "41010800120100000099"


@pytest.fixture
def director(tmp_path: Path) -> Iterator[Director]:
    """Somebody who leads a stall step by step, with no file at all."""
    nothing = Expect(do="expect", slips=0)
    scenario = Scenario.model_validate(
        {"name": "x", "station": {"unchecked": "accept"}, "step": [nothing.model_dump()]}
    )
    with market_of(scenario, tmp_path / "market") as market:
        yield Director(market, scenario)


@pytest.mark.broker
def test_a_director_is_told_one_step_after_the_other_and_lies_are_found_out(director: Director) -> None:
    director.do(Entry(do="entry", lot="cabbage", product="大白菜", kg=320, source=True))  # type: ignore[arg-type]
    director.do(Sale(do="sale", lot="cabbage", kg="2.350"))  # type: ignore[arg-type]
    director.do(Again(do="again"))
    with pytest.raises(StepFailed, match=r"it should be refused \(lot_held\), and the station did it"):
        director.do(Sale(do="sale", lot="cabbage", kg="1.5", refused="lot_held"))  # type: ignore[arg-type]
    with pytest.raises(StepFailed, match=r"within 0\.1 s: slips is \d, not 7"):
        director.do(Expect(do="expect", slips=7, within=0.1))
    with pytest.raises(StepFailed, match="no command 'paint'"):
        director.do(Device(do="device", device="scale", line="paint"))
    director.do(Expect(do="expect", slips=2, city={"trade.completed": 2}))

    entry, sale, *_ = director.answered
    assert (entry.kind, sale.kind) == ("entry.registered", "trade.completed")
    director.answered += [replace(sale, subject=GONE), Answered("a deed", sequence=77)]
    director.sold[GONE] = "https://sy.example.cn/j/AAAA"
    papers = director.market.papers
    papers.append(papers[-1])
    verdict = judge(director)
    assert not verdict.ok
    assert (verdict.recorded, verdict.in_city, verdict.slips, verdict.copies) == (3, 3, 3, 0)
    wrong = list(verdict.wrong)
    for told in (
        f"trade.completed {GONE} is 0 times in the city",
        "77 is 0 times in the city",
        f"{GONE}: its slip did not come out",
        "this slip came out twice without a mark",
    ):
        assert any(told in line for line in wrong), wrong
    assert len(wrong) == 4
