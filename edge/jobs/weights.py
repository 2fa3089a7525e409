"""How a weight came about, as every record has it."""

from edge.state.weighing import Load, TradeScale
from protocol.city.events import LineWeight


def line_weight(scale: TradeScale, load: Load) -> LineWeight:
    """The scale's own digits and frame, what was taken off, and the scale with its number and certificate."""
    part = scale.part
    return LineWeight(
        scale=part.name,
        model=scale.model,
        value=load.value,
        unit=load.unit,
        stability=load.stability,
        raw=load.raw.hex(),
        verified_until=part.verified_until.isoformat() if part.verified_until else None,
        tare_g=load.tare_g,
        reason=load.reason,
        serial=part.serial,
        certificate=part.certificate,
    )
