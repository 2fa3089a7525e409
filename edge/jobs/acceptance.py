"""Two people sign what a delivery comes to: the record, its code, its slip. Nothing of it changes after that.

A signature is for one version of a delivery.  Whatever changes afterwards makes another version, which nobody has
signed.  The last signature makes the record; a supervisor may void it, and the order is delivered anew.
"""

from datetime import date

from edge.between.canteen_commands import (
    DropAnswer,
    DropDelivery,
    SignByName,
    SignDelivery,
    SignedAnswer,
    Signing,
    VoidAcceptance,
    VoidAcceptanceAnswer,
)
from edge.between.commands import LARGEST_AMOUNT, LARGEST_G
from edge.between.inbox import Refused
from edge.between.people import SUPERVISORS
from edge.between.words import text
from edge.config.sections import percent
from edge.jobs.doing import does
from edge.state.deliveries import Row
from edge.state.delivery import Line, Sums, expiry, sums
from edge.state.delivery_views import needs_of, supplier_of
from edge.state.station import Station
from protocol.city import token as qr
from protocol.city.canteen_events import AcceptDropped, AcceptVoided
from protocol.city.codes import WALK_IN, BadCode, CodeKind, TraceCode
from protocol.city.envelope import kind_of
from protocol.city.events import (
    Acceptance,
    AcceptCompleted,
    AcceptedLine,
    Delivered,
    DeliveredLoad,
    Price,
    Signatory,
)
from protocol.personal import found

_NEEDS = {
    "goods": ("还没有称重或点数；没有到货请写明原因", "nothing was weighed or counted: if nothing came, say why"),
    "difference": ("与订货差得太多，请写明原因", "too much more or less than ordered: say why"),
    "reason": ("有拒收，请写明原因", "something is refused: say why"),
    "expired": ("已过保质期，须整行拒收", "its best-before date is past: refuse the line"),
    "held": ("来源批次已暂停销售，须整行拒收", "its lot is held: refuse the line"),
}


def sign(station: Station, command: SignDelivery) -> SignedAnswer:
    """Somebody whose PIN was right signs. Raises Refused."""
    person = station.operators.find(command.code)
    if not person.active:
        raise Refused("no_operator", f"{person.name} 已停用", f"{person.name} may not sign any more")
    function = command.function or text("role", person.role.value).said(station.config.station.language)
    signer = Signatory(name=person.name, role=function, code=person.code, at=station.clock.now().to_the_second)
    return _sign(station, command, signer)


def sign_by_name(station: Station, command: SignByName) -> SignedAnswer:
    """On a box where nobody has a PIN. Raises Refused."""
    if station.operators.people():
        raise Refused("sign_with_pin", "请用自己的编号和密码签字", "sign with your own code and PIN")
    function = command.function or station.config.canteen.functions[0]
    at = station.clock.now().to_the_second
    return _sign(station, command, Signatory(name=command.person, role=function, typed=True, at=at))


def _sign(station: Station, command: Signing, signer: Signatory) -> SignedAnswer:
    row = station.deliveries.open(command.delivery)
    draft, part = row.draft, station.config.canteen
    if draft.version != command.version:
        raise Refused("changed", "单据刚有改动，请核对后再签", "something changed meanwhile: look at it and sign again")
    lines = [(line, _loads(station, row, line)) for line in station.deliveries.lines(row.number)]
    _check(station, row, lines)
    if any(_same(signer, one) for one in draft.signed):
        raise Refused(
            "signed_already", f"{signer.name} 已签过，须由另一人签字", f"{signer.name} has signed: somebody else has to"
        )
    signed = (*draft.signed, signer)
    if len(signed) < part.signers:
        station.deliveries.sign(row, signed)
        return SignedAnswer(delivery=row.number, version=draft.version, signed=len(signed))
    if part.one_of and not station.operators.people().keys() & _of_role(station, signed):
        roles = "、".join(text("role", role.value).zh for role in part.one_of)
        raise Refused(
            "needs_role",
            f"须有一人是{roles}",
            f"one who signs has to be {' or '.join(role.value for role in part.one_of)}",
        )
    station.deliveries.sign(row, signed)
    return _complete(station, station.deliveries.open(row.number), lines)


def _of_role(station: Station, signed: tuple[Signatory, ...]) -> set[str]:
    """The codes of those who signed and have one of the roles that somebody must have."""
    people = station.operators.people()
    wanted = station.config.canteen.one_of
    return {one.code for one in signed if one.code in people and people[one.code].role in wanted}


def _same(one: Signatory, other: Signatory) -> bool:
    if one.code or other.code:
        return one.code == other.code
    return "".join(one.name.split()).casefold() == "".join(other.name.split()).casefold()


def _loads(station: Station, row: Row, line: Line) -> tuple[DeliveredLoad, ...]:
    return tuple(one.said for one in station.deliveries.loads(row.number, line.line))


def _check(station: Station, row: Row, lines: list[tuple[Line, tuple[DeliveredLoad, ...]]]) -> None:
    """Whether it can be signed at all; raises Refused with the first that stands against it."""
    if not lines:
        raise Refused("nothing_delivered", "还没有货物", "there are no goods on it yet")
    for line, loads in lines:
        for word in needs_of(station, line, sums(line, loads)):
            zh, en = _NEEDS[word]
            raise Refused(
                f"line_{word}", f"{line.line}. {line.goods.name}：{zh}", f"{line.line}. {line.goods.name}: {en}"
            )
    came = [sums(*one) for one in lines]
    if sum(one.amount_fen or 0 for one in came) > LARGEST_AMOUNT or sum(one.accepted_g for one in came) > LARGEST_G:
        raise Refused("amount", "金额或重量过大，请核对", "amount or mass are too large: check the prices")
    entry = supplier_of(station, row.draft)
    if entry is not None and entry.state != "active" and any(_taken(one) for one in came):
        if station.config.canteen.suspended == "refuse":
            raise Refused(
                "supplier_suspended",
                "供货者已被平台暂停：须全部拒收",
                "the supplier is suspended by the city: everything has to be refused",
            )
        station.demand(SUPERVISORS)


def _taken(came: Sums) -> bool:
    return bool(came.accepted_g or came.accepted_n)


# --- the record -------------------------------------------------------------------------------------------------------


def _complete(station: Station, row: Row, lines: list[tuple[Line, tuple[DeliveredLoad, ...]]]) -> SignedAnswer:
    draft, part, entry = row.draft, station.config.canteen, supplier_of(station, row.draft)
    stamp, today = station.clock.now(), station.today()
    delivered = tuple(_delivered(station, line, loads, today) for line, loads in lines)
    amounts = [line.amount_fen for line in delivered]
    total = sum(fen for fen in amounts if fen is not None)
    net_g = sum(line.accepted_g for line in delivered)
    code = str(station.ledger.next_code(CodeKind.ACCEPTANCE))
    acceptance = Acceptance(
        amount_fen=total,
        buyer=station.config.seller.code,
        lines=tuple(_for_digest(line) for line in delivered),
        order=draft.order,
        seller=draft.supplier_code or WALK_IN,
        time=stamp.to_the_second,
        tx=code,
    )
    verified = stamp.trusted and today is not None and _verified(delivered, today)
    url, digest = _signed(station, acceptance, net_g, stamp.seconds if stamp.trusted else None, delivered, verified)
    record = AcceptCompleted(
        order=draft.order,
        supplier=draft.supplier,
        supplier_code=draft.supplier_code,
        licence=entry.licence if entry else "",
        licence_until=entry.licence_until if entry else "",
        supplier_address=_of_business(entry.address) if entry else "",
        supplier_contact=_of_business(entry.contact) if entry else "",
        supplier_state=entry.state if entry else "",
        alias=draft.alias,
        unmatched=draft.unmatched,
        buyer=draft.buyer or station.config.seller.name,
        due=draft.due,
        meal=draft.meal,
        plate=draft.plate,
        lines=delivered,
        proofs=draft.proofs,
        photos=draft.photos,
        slips=draft.slips,
        signers=draft.signed,
        tolerance=f"{percent(part.tolerance):f}",
        sum_fen=None if None in amounts else total,
        clock_trusted=stamp.trusted,
        scale_verified=verified,
        acceptance=acceptance,
        digest=digest,
        url=url,
        corrects=draft.corrects or None,
    )
    recorded = station.record("accept.completed", code, record, stamp)
    station.deliveries.close(row, "done", recorded.seq)
    job = station.prints.of_record(recorded)
    return SignedAnswer(
        delivery=row.number, version=draft.version, signed=len(draft.signed), code=code, url=url, job=job
    )


def _of_business(text: str) -> str:
    """What the directory has of a business; a person's own number stands in no record."""
    return "" if found(text) else text


def _delivered(station: Station, line: Line, loads: tuple[DeliveredLoad, ...], today: date | None) -> Delivered:
    came = sums(line, loads)
    return Delivered(
        goods=line.goods,
        ordered_g=line.ordered_g,
        delivered_g=came.delivered_g,
        accepted_g=came.accepted_g,
        rejected_g=came.rejected_g,
        reason=line.reason,
        sensory=line.sensory,
        temperature=line.temperature or None,
        source=line.sources[0].source if line.sources else None,
        tests=tuple(one.test for one in line.sources if one.test),
        probe=line.probe,
        unit=line.unit,
        ordered_n=line.ordered_n,
        delivered_n=came.delivered_n,
        accepted_n=came.accepted_n,
        rejected_n=came.rejected_n,
        refused=line.refused,
        not_ordered=line.not_ordered,
        difference=None if came.difference is None else f"{came.difference:f}",
        why_difference=line.why_difference,
        price=None if line.unit or line.price_fen is None else Price(fen=line.price_fen, per_g=line.per_g),
        piece_fen=line.price_fen if line.unit else None,
        price_typed=line.price_typed,
        price_approvedby=line.price_approved_by,
        difference_approvedby=line.difference_approved_by,
        amount_fen=came.amount_fen,
        spec=line.spec,
        best_before=line.best_before,
        batch=line.batch,
        expiry=expiry(line, today, station.config.canteen.near_days),
        loads=loads,
        sources=line.sources,
        photos=line.photos,
    )


def _for_digest(line: Delivered) -> AcceptedLine:
    return AcceptedLine(
        accepted_g=line.accepted_g,
        accepted_n=line.accepted_n,
        amount_fen=line.amount_fen or 0,
        ordered_g=line.ordered_g,
        product=line.goods.product,
        rejected_g=line.rejected_g,
        sources=tuple(one.source for one in line.sources),
    )


def _verified(lines: tuple[Delivered, ...], today: date) -> bool:
    """Whether everything was weighed, on scales in verification."""
    loads = [load for line in lines for load in line.loads]
    return bool(loads) and all(
        load.stability != "manual" and (load.verified_until or "") >= today.isoformat() for load in loads
    )


def _signed(
    station: Station,
    acceptance: Acceptance,
    net_g: int,
    seconds: float | None,
    lines: tuple[Delivered, ...],
    verified: bool,
) -> tuple[str, str]:
    """The acceptance's address and digest."""
    signer = station.ledger.signer
    digest = qr.digest_of(acceptance.model_dump(mode="json"))
    flags = qr.Flags(0)
    if seconds is not None:
        flags |= qr.Flags.CLOCK_TRUSTED
    if verified:
        flags |= qr.Flags.SCALE_VERIFIED
    checked = [one for line in lines for one in line.sources]
    passed = bool(checked) and all(one.verdict == "qualified" and one.result == "genuine" for one in checked)
    token = qr.Token(
        kind=qr.TokenKind.ACCEPTANCE,
        kid=qr.own_kid(signer.key),
        t=0 if seconds is None else int(seconds) - qr.EPOCH,
        tx=acceptance.tx,
        seller=acceptance.seller,
        buyer=acceptance.buyer,
        net_g=net_g,
        amount_fen=acceptance.amount_fen,
        verdict=qr.TokenVerdict.QUALIFIED if passed else qr.TokenVerdict.NONE,
        flags=flags,
        digest=digest,
        sources=tuple(dict.fromkeys(one.source for one in checked)),
    )
    return qr.url_of(token, signer.key, signer.host), digest.hex()


# --- what is not accepted, or counts no more --------------------------------------------------------------------------


def drop(station: Station, command: DropDelivery) -> DropAnswer:
    """A delivery that was begun ends without an acceptance. Raises Refused."""
    row = station.deliveries.open(command.delivery)
    loads = [load for line in station.deliveries.lines(row.number) for load in _loads(station, row, line)]
    if loads:
        station.demand(SUPERVISORS)
        record = AcceptDropped(
            order=row.draft.order,
            supplier=row.draft.shown,
            weighed_g=sum(load.net_g for load in loads if load.part == "in"),
            reason=command.reason,
            person=command.person,
        )
        station.record("accept.dropped", station.subject, record)
    station.deliveries.close(row, "dropped", None)
    return DropAnswer(delivery=row.number)


def void(station: Station, command: VoidAcceptance) -> VoidAcceptanceAnswer:
    """An acceptance counts no more. Raises Refused."""
    try:
        trace = TraceCode.parse(command.code)
    except BadCode as error:
        raise Refused("bad_code", f"验收码 {command.code[:24]} 有误，请重新扫描或输入", str(error)) from None
    station.ledger.refuse_gone(trace)
    seq = station.ledger.seq_of(trace)
    row = station.deliveries.of_record(seq) if seq is not None else None
    if row is None or seq is None or kind_of(station.ledger.event(seq)["type"]) != "accept.completed":
        raise Refused("no_acceptance", "本机没有这次验收", "this station made no such acceptance")
    if row.state == "voided":
        raise Refused("already_voided", "这次验收已作废", "this acceptance is voided already")
    event = station.ledger.event(seq)
    record = AcceptVoided(
        voids=event["id"],
        order=row.draft.order,
        supplier=row.draft.supplier,
        accepted_g=sum(line["accepted_g"] for line in event["data"]["lines"]),
        reason=command.reason,
        person=command.person,
    )
    recorded = station.record("accept.voided", event["subject"], record)
    station.corrections.add(seq, recorded.seq)
    station.deliveries.close(row, "voided", seq)
    station.prints.drop(seq)
    return VoidAcceptanceAnswer(seq=recorded.seq, code=event["subject"])


does(SignDelivery, sign)
does(SignByName, sign_by_name)
does(DropDelivery, drop)
does(VoidAcceptance, void)
