"""你送我检: food that somebody brought is registered, tested like goods of the market, and never a lot."""

from edge.between.held_commands import RegisterSample, SampleAnswer
from edge.jobs.doing import does
from edge.jobs.gate import HIGHEST_SAMPLE
from edge.state.station import Station
from protocol.city.codes import CodeKind
from protocol.city.hold_events import SampleRegistered


def register(station: Station, command: RegisterSample) -> SampleAnswer:
    """A record, and a number for the analyzer. Raises Refused."""
    code = station.ledger.next_code(CodeKind.TEST)
    record = SampleRegistered(
        goods=command.goods,
        asked_by=command.asked_by,
        sample=str((code.serial - 1) % HIGHEST_SAMPLE + 1),
        item=command.item,
    )
    recorded = station.record("sample.registered", str(code), record)
    station.public_samples.add(str(code), recorded.seq, record.sample)
    return SampleAnswer(code=str(code), sample=record.sample, job=station.prints.of_record(recorded))


does(RegisterSample, register)
