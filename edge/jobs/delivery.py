"""Records once more to the city, and the way out when it has another ledger by this station's name."""

from functools import partial

from edge.between.inbox import Refused
from edge.between.ledger_commands import ContinueAnswer, ContinueLedger, SendAgain, SendAgainAnswer
from edge.jobs.doing import does
from edge.records import joints
from edge.state.delivering import Delivering
from edge.state.station import Station
from protocol.city.agreement import KEPT_BACK, Claim
from protocol.city.topics import Ack

ORDERED = "ordered: a person or the city wants these records once more"
ORDERS = 1000  # stretches that may wait to be sent again: one more order is refused
FAR = 2_000_000  # records a second ledger of one station can be ahead at most: a thousand a day make that in five years


def send_again(station: Station, command: SendAgain) -> SendAgainAnswer:
    """These records are published once more; raises Refused."""
    last = station.ledger.head.seq
    if command.first > last:
        raise Refused(
            "no_record", f"没有第 {command.first} 条记录", f"no record {command.first}: this ledger ends at {last}"
        )
    if command.first <= station.ledger.gone:
        oldest = station.ledger.gone + 1
        raise Refused(
            "record_gone",
            f"第 {command.first} 条已过保存期，本机已删除，无法重新上报；本机还有第 {oldest} 条起的记录",
            f"record {command.first} was kept its time and is gone from here: it cannot be sent again. "
            f"Here are records from {oldest} on",
        )
    if command.last is not None and command.last < command.first:
        raise Refused("bad_value", "最后一条在第一条之前", "the last record is before the first one")
    if station.delivery.end().held or station.ledger.held:
        raise Refused(
            "other_ledger",
            "平台上有另一本账在用本站名称，先处理再重新上报",
            "the city knows another ledger by this station's name: settle that first",
        )
    if station.delivery.again().pieces >= ORDERS:
        raise Refused(
            "too_many",
            "要重新上报的段太多，等一部分上报完再来",
            f"{ORDERS} stretches of records are still to be sent again: wait until some are",
        )
    answer = SendAgainAnswer(first=command.first, last=min(last, command.last or last))
    station.delivery.send_again(answer.first, answer.last, ORDERED)
    station.undo.append(station.resend)
    station.resend()
    return answer


def go_on(station: Station, command: ContinueLedger) -> ContinueAnswer:
    """The ledger goes on behind all that either ledger has used; raises Refused."""
    delivering = station.delivering
    if delivering is None or delivering.end.held is None:
        raise Refused(
            "agreed", "平台与本机一致，无需处理", "the city speaks of this ledger: there is nothing to settle"
        )
    if (city := delivering.city) is None or city.upto is None:
        raise Refused(
            "city_silent",
            "还没有收到平台的回应：请先连上平台，再按",
            "the city was not heard since the station connected: wait until it is, and try again",
        )
    if city.upto > station.ledger.head.seq + FAR:
        raise Refused(
            "city_far",
            f"平台说已有第 {city.upto} 条，远远超出本机账本：先查谁能在确认主题上发布，并启用平台签名",
            f"the city claims {city.upto} records, far beyond any ledger of this station: look who may publish on its "
            "ack topic, and have the city sign its words",
        )
    before = delivering.remember()
    station.undo.append(partial(delivering.take_back, before))
    own = delivering.own_hash(city.upto) if city.upto <= station.ledger.head.seq else None
    if delivering.end.released(Claim(city.upto, city.hash), own, station.ledger.head.seq):
        delivering.gone_on()
        return ContinueAnswer(seq=None, resent=0)
    return _restore(station, command, delivering, city)


def _restore(station: Station, command: ContinueLedger, delivering: Delivering, city: Ack) -> ContinueAnswer:
    end, last = delivering.end, station.ledger.head.seq
    recorded = joints.go_on(
        station.ledger, end, city, command.why, command.person, station.clock.now(), station.clock.boot_id
    )
    station.recorded(recorded)
    kept = end.kept_back(last)
    for first, end_of_it, _ in kept:
        station.delivery.send_again(first, end_of_it, KEPT_BACK)
    delivering.gone_on()
    return ContinueAnswer(seq=recorded.seq, resent=sum(one[1] - one[0] + 1 for one in kept))


does(SendAgain, send_again)
does(ContinueLedger, go_on)
