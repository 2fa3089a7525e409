"""Whatever is weighed, registered, corrected and cut off: the book's rows, the lots and the records say the same."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.between.commands import ProofGiven, RegisterEntry
from edge.between.correction_commands import CorrectEntry
from edge.between.entry_commands import DropLoads, WeighGoods
from edge.between.inbox import Refused
from edge.between.photo_commands import KeepPhoto
from edge.between.words import text
from edge.records.books import BOOKS, Progress, rows
from protocol.city.photos import hash_of
from protocol.city.token import CHINA

BOOK = BOOKS["purchases"]
ADDRESSES = ("", "中牟县官渡镇", "郑州市惠济区 1 号")
CONTACTS = ("", "0371-62123456")
PROOFS = (
    ProofGiven(type="hgz", issuer="绿源合作社", issued="2026-11-21"),
    ProofGiven(type="jc", no="2026-0007"),
    ProofGiven(type="zs", code="https://x.cn/1?a=2"),
)


class PowerCut(Exception):
    """Nothing of the batch is on the disk."""


class Entering(RuleBasedStateMachine):
    """One station and what a person was told is done; ``make`` is given by the test."""

    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.station: Any = None
        self.told: dict[str, dict[str, Any]] = {}
        self.loads: list[int] = []
        self.photo = ""

    @initialize()
    def begins(self) -> None:
        self.station = type(self).make(self.folder)
        data = b"\xff\xd8\xff"
        self.photo = hash_of(data)
        self.station.core._station.photos.files.keep(self.photo, data)
        self.station.does(KeepPhoto(sha256=self.photo, size=3))

    def teardown(self) -> None:
        if self.station is not None:
            self.station.ledger.close()
        shutil.rmtree(self.folder)

    @rule(net=st.integers(1, 1000), crates=st.integers(0, 3))
    def weighs(self, net: int, crates: int) -> None:
        gross = net * 5 + crates * 500 + 100
        self.station.puts(f"{gross / 1000:.3f}")
        said = self.station.does(WeighGoods(scale="scale-1", tare_g=crates * 500, containers=crates))
        self.loads.append(gross - crates * 500)
        assert said["net_g"] == sum(self.loads)

    @precondition(lambda self: self.loads)
    @rule(last=st.booleans())
    def takes_back(self, last: bool) -> None:
        shown = self.station.board.loads
        self.station.does(DropLoads(scale="scale-1", number=shown[-1].number if last else None))
        self.loads = self.loads[:-1] if last else []

    @rule(
        weighed=st.booleans(),
        net=st.integers(1, 50_000),
        address=st.sampled_from(ADDRESSES),
        contact=st.sampled_from(CONTACTS),
        proofs=st.lists(st.sampled_from(PROOFS), max_size=3),
        photo=st.booleans(),
    )
    def registers(
        self, weighed: bool, net: int, address: str, contact: str, proofs: list[ProofGiven], photo: bool
    ) -> None:
        weighed = weighed and bool(self.loads)
        command = RegisterEntry(
            product="01040201",
            net_g=sum(self.loads) if weighed else net,
            origin="河南",
            supplier="李四",
            supplier_address=address,
            supplier_contact=contact,
            scale="scale-1" if weighed else "",
            proofs=tuple(proofs),
            photos=(self.photo,) if photo else (),
        )
        lot = self.station.does(command)["test_code"]
        if weighed:
            self.loads = []
        self.told[lot] = {
            "net_g": command.net_g,
            "supplier_address": address,
            "supplier_contact": contact,
            "mass_by": "scale" if weighed else "declared",
            "proofs": len(proofs),
            "photos": int(photo),
        }

    @precondition(lambda self: self.told)
    @rule(data=st.data(), net=st.integers(1, 50_000) | st.none(), address=st.sampled_from(ADDRESSES) | st.none())
    def corrects(self, data: Any, net: int | None, address: str | None) -> None:
        lot = data.draw(st.sampled_from(sorted(self.told)))
        known = self.told[lot]
        try:
            self.station.does(CorrectEntry(lot=lot, reason="抄错", net_g=net, supplier_address=address))
        except Refused as refused:
            assert refused.code == "nothing_changed"
            assert net in (None, known["net_g"]) and address in (None, known["supplier_address"])
            return
        if net is not None and net != known["net_g"]:
            known |= {"net_g": net, "mass_by": "declared"}
        if address is not None:
            known["supplier_address"] = address

    @rule()
    def starts_anew(self) -> None:
        self.station.ledger.close()
        self.station = type(self).make(self.folder)

    @rule()
    def is_cut_off_in_the_middle(self) -> None:
        """The power goes before a registration is on the disk: nobody was told anything, and nothing is."""
        ledger = self.station.ledger
        with pytest.raises(PowerCut), ledger.batch():
            entry = RegisterEntry(product="01040201", net_g=sum(self.loads) or 7, origin="河南", supplier="李四")
            command = entry.model_copy(update={"scale": "scale-1" if self.loads else ""})
            from edge.jobs.doing import do

            do(self.station.core._station, command)
            raise PowerCut
        self.starts_anew()

    @invariant()
    def everything_says_the_same(self) -> None:
        if self.station is None:
            return
        assert [one.net_g for one in self.station.board.loads] == self.loads
        conn = self.station.ledger.conn
        book: dict[str, list[dict[str, Any]]] = {}
        for row in rows(conn, BOOK, None, None, Progress()):
            said = dict(zip(("记录号", "时间", "类别", *BOOK.columns), row, strict=False))
            book.setdefault(said["检测码"].replace(" ", ""), []).append(said)
        assert set(book) == set(self.told)
        for lot, known in self.told.items():
            view = self.station.lot(lot)
            now = self.station.core._station.lots.find(lot).entry["data"]
            assert view.net_g == now["net_g"] == known["net_g"]
            assert sum(one["数量(kg)"] for one in book[lot]) == Decimal(known["net_g"]) / 1000
            last = book[lot][-1]
            assert (last["供货者地址"], last["供货者联系方式"]) == (
                known["supplier_address"],
                known["supplier_contact"],
            )
            word = "by_scale" if known["mass_by"] == "scale" else "by_person"
            assert last["重量来源"].startswith(text("field", word).zh)
            assert (len(now["proofs"]), last["照片数"]) == (known["proofs"], known["photos"])
            if known["mass_by"] == "scale":
                assert sum(load["net_g"] for load in now["weighings"]) == known["net_g"]


def test_the_book_the_lots_and_the_records_agree(
    a_box: Callable[..., Any], signer: Any, hand_clock_at: Callable[..., Any]
) -> None:
    class Here(Entering):
        clock = hand_clock_at(datetime(2026, 11, 22, 5, 0, tzinfo=CHINA))

        @classmethod
        def make(cls, folder: Path) -> Any:
            return a_box(folder, signer, cls.clock)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
