"""The gate (入场口): goods come in, get a test number and a sample number, and wait for their test."""

from edge.between.commands import EntryAnswer, RegisterEntry
from edge.between.entry_commands import LastAnswer, LastEntry
from edge.between.fixed_words import LotState
from edge.between.inbox import Refused
from edge.between.words import text
from edge.jobs import loads, vouchers
from edge.jobs.city_said import about_goods
from edge.jobs.doing import does
from edge.state.lots import Lot
from edge.state.station import Station
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.events import EntryRegistered
from protocol.city.written import tail

HIGHEST_SAMPLE = 9999  # what fits the keypads of the instruments


def register(station: Station, command: RegisterEntry) -> EntryAnswer:
    """Goods come in: a record, a lot, a sample number. Raises Refused.

    A source code from elsewhere is only digits here: nobody has answered for it, and what it allows is a setting.
    """
    if command.upstream:
        _check_source(station, command.upstream)
    product = station.product(command.product)
    warnings = about_goods(station, command)
    lacks, told = vouchers.lacking(station, product, command)
    kept = vouchers.retention(product, command.shelf_days, command.spec, command.produced, command.batch)
    weighings = loads.taken(station, command.scale, command.net_g) if command.scale else ()
    accepted = bool(command.upstream) and station.config.gate.unchecked == "accept"
    code = station.ledger.next_code(CodeKind.TEST)
    test_code = str(code)
    entry = EntryRegistered(
        goods=station.goods(product.code),
        net_g=command.net_g,
        origin=command.origin,
        origin_code=command.origin_code,
        supplier=command.supplier,
        supplier_code=command.supplier_code,
        plate=command.plate,
        sample=str((code.serial - 1) % HIGHEST_SAMPLE + 1),
        proofs=tuple(vouchers.certificate(proof) for proof in command.proofs),
        upstream=command.upstream or None,
        source_check=("accepted" if accepted else "unchecked") if command.upstream else None,
        tests=station.config.tests(product),
        mass_by="scale" if command.scale else "declared",
        weighings=weighings,
        missing_proofs=lacks,
        supplier_address=command.supplier_address,
        supplier_contact=command.supplier_contact,
        spec=command.spec,
        produced=command.produced,
        batch=command.batch,
        shelf_days=command.shelf_days,
        retention=kept,
        photos=tuple(dict.fromkeys(command.photos)),
    )
    recorded = station.record("entry.registered", test_code, entry)
    whole_plant = product.disturbs_enzyme and not accepted
    state = LotState.RELEASED if accepted else LotState.PENDING
    station.lots.add(test_code, recorded.seq, entry, state, "due" if whole_plant else "")
    station.last_entries.note(command.supplier, command.supplier_code, product.code, test_code)
    job = station.prints.of_record(recorded)
    return EntryAnswer(
        test_code=test_code,
        sample=entry.sample,
        source=entry.upstream if accepted else None,
        whole_plant=whole_plant,
        unchecked=bool(command.upstream),
        job=job,
        warnings=(*warnings, *told),
    )


def _check_source(station: Station, text: str) -> None:
    """Raises Refused for what is no source code, stands for a lot that is here, or cannot be true."""
    try:
        code = TraceCode.parse(text)
    except BadCode as error:
        raise Refused("bad_code", f"来源码 {text[:24]} 有误，请重新扫描", str(error)) from None
    if code.kind is not CodeKind.SOURCE:
        raise Refused("not_a_source", "这不是来源码", "this is not a source code (its tenth digit is not 1)")
    if (lot := station.lots.of_source(text)) is not None:
        raise _known(lot, text)
    signer = station.ledger.signer
    if (code.node, code.terminal) == (signer.node, signer.terminal):
        raise Refused("never_given", "本机从未发出过这个来源码", "this station never gave out this source code")
    if station.config.gate.unchecked == "refuse":
        raise Refused(
            "unchecked_source",
            "该来源码无法核验，本市场不接受；请不填来源码登记并检测",
            "this source code cannot be checked, and this market does not accept it: register without it and test",
        )


def _known(lot: Lot, code: str) -> Refused:
    said = text("lot", lot.state.value)
    name = lot.entry["data"]["goods"]["name"]
    since = (lot.test or lot.entry)["time"][:16].replace("T", " ")
    return Refused(
        "source_known",
        f"来源码 {tail(code)} 已是本站批次：{name}，样品号 {lot.sample}，{said.zh}（{since}），不能再次登记",
        f"this source code is lot {lot.test_code} here ({name}, sample {lot.sample}), {said.en.lower()} since {since}",
    )


def last(station: Station, command: LastEntry) -> LastAnswer:
    """What was said the last time, as it was corrected; of a product alone only where it came from."""
    found = station.last_entries.find(command.supplier, command.supplier_code, command.product)
    said = station.lots.find(found[0]).entry["data"] if found else {}
    if found and not found[1]:
        said = {name: said[name] for name in ("origin", "origin_code")}
    return LastAnswer(**{name: said.get(name, "") for name in LastAnswer.model_fields})


does(RegisterEntry, register)
does(LastEntry, last)
