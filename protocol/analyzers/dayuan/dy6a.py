"""Dayuan DY-6200 (several items) and DY-6400 (water in meat): frames that begin with 6A.

    host   6A 5A A5 69    greeting; the DY-6200 repeats it and sends the end mark
           6A 5B A4 69    send all records
           6A 5D A2 69    erases them; never sent by us
    answer records, then the end mark 6A 99 99 99 99 99 99 99 99

    DY-6200, 13 bytes                            DY-6400, 9 bytes
     0    6A                                      0    6A
     1-2  number, low byte first                  1-2  water x 10, %, BCD
     3-4  value x 100, low byte first             3    meat: 01 pork .. 04 chicken, 05 other
     5    item 01..07                             4-6  YY MM DD, BCD
     6    01 qualified, 02 not, 03 suspect,       7    number, BCD
          04 out of range                         8    unknown
     7-12 YY MM DD hh mm ss, BCD

The unit of the DY-6200 is what the maker's program writes beside every item.  Out of range is taken as suspect, without
a value; what the value then holds is not known.  There is no check: a flipped bit can give another number.
"""

from decimal import Decimal

from protocol.analyzers.shared.fields import packed_moment
from protocol.framing import Scanner
from protocol.readings import Event, Garbage, Reply, TestResult, Verdict

HELLO, READ = bytes.fromhex("6A5AA569"), bytes.fromhex("6A5BA469")
END = b"\x6a" + b"\x99" * 8
ITEMS = {1: "酚酞", 2: "亚硝酸盐", 3: "硝酸盐", 4: "余氯", 5: "蛋白质", 6: "人血白蛋白", 7: "过氧化物"}
UNIT = "mg/kg"
VERDICTS = {1: Verdict.QUALIFIED, 2: Verdict.UNQUALIFIED, 3: Verdict.SUSPECT, 4: Verdict.SUSPECT}
OUT_OF_RANGE, OUT_OF_RANGE_WORD = 4, "超范围"
MEATS = {1: "猪肉", 2: "牛肉", 3: "羊肉", 4: "鸡肉", 5: "其它"}
WATER = "水分"
SIZES = {"dy6200": 13, "dy6400": 9}


def bcd(data: bytes) -> str:
    """Digits, two a byte. Raises ValueError when there are others."""
    digits = data.hex()
    if not digits.isdecimal():
        raise ValueError(f"{data.hex(' ')} is no BCD")
    return digits


def decode(frame: bytes) -> Event:
    try:
        if frame[:1] == HELLO[:1] and len(frame) == SIZES["dy6200"]:
            return Reply("end", raw=frame) if frame == END else _dy6200(frame)
        if frame == HELLO:
            return Reply("hello", raw=frame)
        if frame == END:
            return Reply("end", raw=frame)
        if frame[:1] == HELLO[:1] and len(frame) == SIZES["dy6400"]:
            return _dy6400(frame)
    except ValueError as error:
        return Garbage(frame, f"no record: {error}")
    return Garbage(frame, "neither greeting nor end mark nor a record")


def _dy6200(frame: bytes) -> Event:
    item, judged = frame[5], frame[6]
    if item not in ITEMS or judged not in VERDICTS:
        return Garbage(frame, "no record: there is no such item or no such result")  # at most bytes of noise
    number, raw_value = (int.from_bytes(frame[at : at + 2], "little") for at in (1, 3))
    at = packed_moment(bcd(frame[7:13]))
    valid = judged != OUT_OF_RANGE
    return TestResult(
        sample=str(number),
        channel=None,
        item=ITEMS[item],
        value=Decimal(raw_value).scaleb(-2) if valid else None,
        unit=UNIT,
        verdict=VERDICTS[judged],
        measured_at=at,
        identity=f"dy6200/{number}/{item}/{at.isoformat()}/{raw_value}",
        text=None if valid else OUT_OF_RANGE_WORD,
        sure=False,
        raw=frame,
    )


def _dy6400(frame: bytes) -> TestResult:
    if frame[3] not in MEATS:
        raise ValueError(f"there is no meat {frame[3]:02x}")
    water, day, number = bcd(frame[1:3]), bcd(frame[4:7]), bcd(frame[7:8])
    at = packed_moment(day)
    return TestResult(
        sample=str(int(number)),
        channel=None,
        item=WATER,
        value=Decimal(int(water)).scaleb(-1),
        unit="%",
        verdict=None,
        measured_at=at,
        identity=f"dy6400/{number}/{frame[3]}/{day}/{water}",
        name=MEATS[frame[3]],
        sure=False,
        raw=frame,
    )


def decoder(model: str) -> Scanner:
    size = SIZES[model]

    def measure(buffer: bytes) -> int | None:
        for mark in (HELLO, END):
            if buffer[: len(mark)] == mark:
                return len(mark)
        # What begins like a mark may still become one: wait for the longer of the two.
        return None if len(buffer) < len(END) else size

    return Scanner(measure, decode, head=HELLO[:1], cap=64, look=len(END))


def encode(result: TestResult) -> bytes:
    """The record of this result. Raises ValueError when it does not fit."""
    if result.measured_at is None:
        raise ValueError("a record needs a time")
    at, number = result.measured_at, int(result.sample or 0)
    names = {name: code for code, name in (MEATS if result.item == WATER else ITEMS).items()}
    scaled = (result.value or Decimal(0)).scaleb(1 if result.item == WATER else 2)
    if scaled != scaled.to_integral_value() or scaled < 0:
        raise ValueError(f"{result.value} does not fit the decimals")
    if result.item == WATER:
        if scaled > 9999 or not 0 <= number < 100:
            raise ValueError(f"{result.value} % of sample {number} is out of range")
        digits = f"{int(scaled):04}{names[result.name or MEATS[5]]:02}{at:%y%m%d}{number:02}00"
        return HELLO[:1] + bytes.fromhex(digits)
    if result.item not in names or scaled > 0xFFFF or not 0 <= number <= 0xFFFF:
        raise ValueError(f"{result.item} {result.value} of sample {number} is out of range")
    codes = {verdict: code for code, verdict in reversed(VERDICTS.items())}
    judged = OUT_OF_RANGE if result.value is None else codes[result.verdict or Verdict.QUALIFIED]
    numbers = number.to_bytes(2, "little") + int(scaled).to_bytes(2, "little")
    return HELLO[:1] + numbers + bytes((names[result.item], judged)) + bytes.fromhex(f"{at:%y%m%d%H%M%S}")
