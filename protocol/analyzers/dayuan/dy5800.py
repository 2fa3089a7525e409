"""Dayuan DY-5800 (fluorescence reader): sends each result by itself, 82 bytes of text in GB2312 in fixed columns.

     0      P                         41     unknown
     1-3    hole                      42-46  value
     4-10   code of the sample        47-51  absorbance
    11-30   item                      52-61  yymmddhhmm
    31-40   unit                      62-70  user, not read
                                      71-80  name of the sample
                                      81     X

Blanks and NUL fill the columns.  Nothing is answered and nothing is checked: a flipped bit can give another number, a
lost or doubled byte shifts the columns, which the time and the X show.
"""

from protocol.analyzers.shared import fields
from protocol.framing import Scanner
from protocol.readings import Event, Garbage, TestResult, Verdict

HEAD, TAIL = b"P", b"X"
SIZE = 82
COLUMNS = {"hole": (1, 4), "sample": (4, 11), "item": (11, 31), "unit": (31, 41), "value": (42, 47), "name": (71, 81)}
TIME = slice(52, 62)


def decode(frame: bytes) -> Event:
    if len(frame) != SIZE or frame[:1] != HEAD or frame[-1:] != TAIL or not frame[TIME].isdigit():
        return Garbage(frame, "not P, 82 bytes with a time at 52, X")
    try:
        at = fields.packed_moment(frame[TIME].decode())
    except ValueError:
        return Garbage(frame, "the time does not exist")
    said = {name: fields.text(frame[start:end]) for name, (start, end) in COLUMNS.items()}
    value = fields.number(said["value"])
    return TestResult(
        sample=said["sample"] or None,
        channel=said["hole"] or None,
        item=said["item"],
        value=value,
        unit=said["unit"] or None,
        verdict=Verdict.INVALID if value is None else None,
        measured_at=at,
        identity=f"dy5800/{said['sample']}/{said['hole']}/{said['item']}/{at.isoformat()}/{said['value']}",
        name=said["name"] or None,
        text=said["value"] or None if value is None else None,
        sure=False,
        raw=frame[:62] + frame[71:],
    )


def decoder() -> Scanner:
    return Scanner(lambda buffer: SIZE, decode, head=HEAD, cap=256, look=1)


def encode(result: TestResult, *, absorbance: str = "0.812") -> bytes:
    """The frame of this result; texts are cut to their columns. Raises ValueError when the value does not fit."""
    value = result.text or "NaN" if result.value is None else format(result.value, "f")
    if result.measured_at is None or len(value) > 5:
        raise ValueError(f"{value} at {result.measured_at} does not fit five columns")
    texts = {
        "hole": result.channel,
        "sample": result.sample,
        "item": result.item,
        "unit": result.unit,
        "value": value,
        "name": result.name,
    }
    frame = bytearray(b" " * SIZE)
    for name, (start, end) in COLUMNS.items():
        frame[start:end] = (texts[name] or "").encode("gb18030")[: end - start].ljust(end - start)
    frame[47:52] = absorbance.encode()[:5].ljust(5)
    frame[TIME] = f"{result.measured_at:%y%m%d%H%M}".encode()
    frame[0:1], frame[81:82] = HEAD, TAIL
    return bytes(frame)
