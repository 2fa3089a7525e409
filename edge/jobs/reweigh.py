"""A slip's goods are weighed again at the fair scale (公平秤): the difference is recorded and printed."""

from datetime import datetime
from typing import Any

from edge.between.commands import plain_code
from edge.between.day_commands import LookAtSlip, Reweigh, ReweighAnswer, SlipAnswer
from edge.between.inbox import Refused
from edge.config.sections import ScaleSection, masses
from edge.jobs.doing import does
from edge.jobs.weights import line_weight
from edge.state.scale_register import identity_of
from edge.state.station import Station
from edge.state.weighing import TradeScale
from protocol.city import token as qr
from protocol.city.codes import BadCode, CodeKind, TraceCode
from protocol.city.day_events import SlipReweighed
from protocol.city.envelope import kind_of
from protocol.city.events import Party
from protocol.frozen import frozen

STEPS = {"II": (5_000, 20_000), "III": (500, 2_000), "IIII": (50, 200)}  # in e: errors of 0.5, 1 and 1.5 e (OIML R 76)


@frozen
class Slip:
    """What is known of a slip. ``record`` is None where its signed code was read."""

    tx: str
    station: str
    seller: Party
    sold_at: str | None
    net_g: int
    amount_fen: int
    record: dict[str, Any] | None


def look(station: Station, command: LookAtSlip) -> SlipAnswer:
    """What a slip says, checked; raises Refused."""
    slip = find(station, command.slip)
    names = dict.fromkeys(sold["goods"]["name"] for sold in slip.record["sold"]) if slip.record else {}
    return SlipAnswer(
        slip=slip.tx,
        known_by="record" if slip.record else "token",
        station=slip.station,
        sold_at=slip.sold_at,
        slip_g=slip.net_g,
        amount_fen=slip.amount_fen,
        seller=slip.seller.name or slip.seller.code,
        names=tuple(names),
    )


def reweigh(station: Station, command: Reweigh) -> ReweighAnswer:
    """What lies on the fair scale, compared with the slip; raises Refused with nothing changed."""
    scale = _fair(station, command.scale)
    slip = find(station, command.slip)
    today = station.today()
    load = scale.load(station.clock.steady(), today, command.tare_g)
    if load.net_g != command.seen_g:
        raise Refused(
            "weight_changed",
            f"重量已变为 {load.value} {load.unit}，请核对后再按",
            f"the weight is now {load.value} {load.unit}: check it and press again",
        )
    stamp = station.clock.now()
    tolerance_g = error_in_use(scale.part, load.net_g)
    difference_g = load.net_g - slip.net_g
    part = scale.part
    record = SlipReweighed(
        slip=slip.tx,
        known_by="record" if slip.record else "token",
        station=slip.station,
        seller=slip.seller,
        sold_at=slip.sold_at,
        slip_g=slip.net_g,
        amount_fen=slip.amount_fen,
        weighed=line_weight(scale, load),
        net_g=load.net_g,
        difference_g=difference_g,
        tolerance_g=tolerance_g,
        within=abs(difference_g) <= tolerance_g,
        identity=identity_of(part),
        verified=scale.verified(today),
        clock_trusted=stamp.trusted,
        person=command.person,
        note=command.note,
    )
    recorded = station.record("slip.reweighed", slip.tx, record, stamp)
    return ReweighAnswer(
        seq=recorded.seq,
        slip=slip.tx,
        slip_g=slip.net_g,
        net_g=load.net_g,
        difference_g=difference_g,
        tolerance_g=tolerance_g,
        within=record.within,
        verified=record.verified,
        job=station.prints.of_record(recorded),
    )


def error_in_use(part: ScaleSection, net_g: int) -> int:
    """The largest error of a scale in use at this mass, in grams: twice that of its verification (contract A10)."""
    steps = tuple(zip(masses(part.max), masses(part.e), strict=True))
    e = next((e for most, e in steps if net_g <= most), steps[-1][1])
    fine, middle = STEPS[part.accuracy]
    return e * (1 if net_g <= fine * e else 2 if net_g <= middle * e else 3)


def _fair(station: Station, name: str) -> TradeScale:
    scale = station.scale(name)
    if not scale.part.fair:
        raise Refused(
            "not_fair",
            f"{name} 不是公平秤；请换到公平秤，或在 station.toml 中写 fair = true",
            f"{name} is no fair scale: use one, or write fair = true in station.toml",
        )
    return scale


def find(station: Station, said: str) -> Slip:
    """The slip of this code: of this station, or of another one by its signed code. Raises Refused."""
    if "/j/" in said:
        token, signer = _token(station, said)
        ours = _record(station, token.tx) if signer == station.subject else None
        if ours is not None:
            return ours
        sold_at = datetime.fromtimestamp(qr.EPOCH + token.t, qr.CHINA).isoformat() if token.t else None
        seller = Party(code=token.seller, name="")
        return Slip(token.tx, signer, seller, sold_at, token.net_g, token.amount_fen, None)
    code = plain_code(said)
    try:
        kind = TraceCode.parse(code).kind
    except BadCode as error:
        raise Refused("bad_code", f"小票号 {code[:24]} 有误，请重新扫描", str(error)) from None
    if kind not in (CodeKind.SALE, CodeKind.TRAINING):
        raise Refused("not_a_sale", "这不是交易码：请扫小票上的二维码", "this is not the code of a sale: scan the slip")
    found = _record(station, code)
    if found is None:
        raise Refused(
            "slip_elsewhere",
            "这张小票不是本机开的：请扫描小票上的二维码",
            "another station made this slip: scan its QR code, which says what was weighed",
        )
    return found


def _token(station: Station, url: str) -> tuple[qr.Token, str]:
    """What a slip's QR code states, and the station that signed it; raises Refused."""
    try:
        token, _, _ = qr.parse_url(url)
        if token.kind is not qr.TokenKind.SALE:
            raise Refused("not_a_sale", "这不是小票上的二维码", "this is not the code of a sale's slip")
        known = station.node_keys.by_kid.get(token.kid.hex(), ())
        for signer, key in known:
            try:
                return qr.verify_url(url, key), signer
            except qr.BadToken:
                continue
    except qr.BadToken as error:
        raise Refused("slip_unread", "二维码不完整，请重新扫描", f"the code cannot be read: {error}") from None
    if not known:
        raise Refused(
            "slip_unknown",
            "不认识开票机器的签名：它的公钥不在 node.keys 中，请联系技术员",
            "signed by a station whose key is not known here: add it to node.keys",
        )
    raise Refused("slip_forged", "签名不符：这张小票可能是伪造的", "the signature does not fit: altered or forged")


def _record(station: Station, tx: str) -> Slip | None:
    """A sale of this station; None when it made none of this code. Raises Refused for one that was voided."""
    station.ledger.refuse_gone(TraceCode.parse(tx))
    seq = station.ledger.seq_of(TraceCode.parse(tx))
    event = station.ledger.event(seq) if seq else None
    if event is None or seq is None or kind_of(event["type"]) != "trade.completed" or event["subject"] != tx:
        return None
    if station.corrections.of(seq) is not None:
        raise Refused(
            "slip_voided",
            "这张小票已作废，不能复称；请扫重开的小票",
            "this slip was voided: scan the one that was made instead",
        )
    data = event["data"]
    return Slip(
        tx,
        station.subject,
        Party.model_validate(data["seller"]),
        data["slip"]["time"] if data["clock_trusted"] else None,
        sum(line["net_g"] for line in data["slip"]["lines"]),
        data["slip"]["amount_fen"],
        data,
    )


does(LookAtSlip, look)
does(Reweigh, reweigh)
