"""Everything that comes from data passes here before it is laid out: what is left can be printed and does nothing else.

ESC/POS has no escaping, so what a printer would obey, or what would make people read something else than was written
(bidirectional marks, zero-width characters, combining marks without end), is taken out on Unicode, before encoding.
Most Chinese heads know GBK's two-byte characters and nothing above them; some take all of GB18030, some UTF-8.  What
the printer lacks becomes a visible mark, or its line is drawn.

ASCII takes one column on paper, everything else two: a Chinese character as well as a full-width ``，`` or a ``°``.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from protocol.frozen import frozen
from protocol.printers.profile import Encoding

MARK = "〓"
ELLIPSIS = "…"
LINES_KNOWN = 64  # texts encoded last: most of a slip's are those of the slip before

MAP = str.maketrans(
    {
        "\u00a5": "￥",
        "\u00b2": "2",
        "\u00b3": "3",
        "\u00b5": "μ",
        "\u00a9": "(C)",
        "\u00ae": "(R)",
        "\u00bc": "1/4",
        "\u00bd": "1/2",
        "\u00be": "3/4",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2022": "·",
        "\u2027": "·",
        "\u30fb": "·",
        "\u2122": "(TM)",
        "\u2212": "-",
        "\u2713": "√",
        "\u2714": "√",
        "\u2715": "×",
        "\u2716": "×",
        "\u20ac": "EUR",
    }
)
_DROPPED = {"Cc", "Cf", "Cs"}
_NOBODYS = {"Cn", "Co"}  # unassigned, private use: no two fonts mean the same by them
_JOINING = {"Mn", "Mc", "Me"}
_SPACES = {"Zs", "Zl", "Zp"}
_BREAKS = "\t\n\v\f\r\x85"
_BLANK = "\u2800"  # a symbol without a dot
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters that nobody sees
_CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")  # what a printer would obey
_ORDINARY = re.compile(r"[ -~\u4e00-\u9fa5，。、：；（）￥]*")  # what every printer has and nothing is done to


@frozen
class Clean:
    """Text fit for the printer.

    ``replaced``: the characters it could not keep (a note for the log, not for the paper); ``drawn``: those that the
    printer lacks and that are kept for a line that is drawn.
    """

    text: str
    replaced: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()


def clean(text: str, encoding: Encoding = "gbk", drawable: Callable[[str], bool] = lambda letter: False) -> Clean:
    """One line of printable text: no control, format or surrogate character, single blanks, only what can be shown."""
    if _ORDINARY.fullmatch(text):
        return Clean(" ".join(text.split()))
    replaced: dict[str, None] = {}
    drawn: dict[str, None] = {}
    kept: list[str] = []
    seen = _seen(text, replaced)
    for letter in unicodedata.normalize("NFC", seen).translate(MAP):  # again: what stood between two letters is gone
        category = unicodedata.category(letter)
        if _holds(letter, category, encoding):
            kept.append(letter)
        elif category not in _NOBODYS and drawable(letter):
            drawn[letter] = None
            kept.append(letter)
        else:
            replaced[letter] = None
            kept.append(MARK)
    return Clean(" ".join("".join(kept).split()), tuple(replaced), tuple(drawn))


def _seen(text: str, replaced: dict[str, None]) -> str:
    """What people would see of a text, every blank as one of ASCII; combining marks that have to go are noted."""
    seen = []
    for letter in unicodedata.normalize("NFC", text):
        category = unicodedata.category(letter)
        if letter in _BREAKS or letter in _BLANK or category in _SPACES:
            seen.append(" ")
        elif category in _JOINING:
            replaced[letter] = None
        elif category not in _DROPPED and letter not in _FILLERS:
            seen.append(letter)
    return "".join(seen)


def columns(text: str) -> int:
    """How many columns cleaned text takes on paper, at normal size."""
    return len(text) if text.isascii() else 2 * len(text) - len(text.encode("ascii", "ignore"))


@lru_cache(maxsize=LINES_KNOWN)
def encode(text: str, encoding: Encoding = "gbk") -> bytes:
    """The printer's bytes of cleaned text; anything else is a mistake of ours and raises ValueError."""
    data = text.encode(encoding)
    if _CONTROLS.search(data):
        raise ValueError(f"text was not cleaned before printing: {text[:40]!a}")
    return data


def holds(text: str, encoding: Encoding) -> bool:
    """Whether the printer itself has every character of this cleaned text."""
    return all(_holds(letter, unicodedata.category(letter), encoding) for letter in text)


def cut(text: str, width: int) -> str:
    """Cleaned text in at most ``width`` columns, ending in an ellipsis when something was left out."""
    if columns(text) <= width:
        return text
    return _head(text, width - columns(ELLIPSIS)) + ELLIPSIS if width >= 2 else ""


def wrap(text: str, width: int) -> list[str]:
    """Cleaned text as lines of at most ``width`` columns (2 or more); at least one line, which may be empty.

    Lines end at a blank where one is near, Chinese is broken between characters.  A word, a number with its unit or a
    code in groups is whole when it fits a line at all; a longer one is broken at a sign, and between digits only when
    the number alone is longer than a line.  A line does not begin with a comma or a closing bracket when the character
    before can come along.
    """
    if width < 2:
        raise ValueError(f"a Chinese character does not fit {width} column")
    lines = []
    while columns(text) > width:
        end = _end(text, len(_head(text, width)), width)
        lines.append(text[:end].rstrip(" "))
        text = text[end:].lstrip(" ")
    return [*lines, text]


def _end(text: str, full: int, width: int) -> int:
    """Where the first line ends, of which ``full`` characters fit: 1 to ``full``."""
    end = (len(_untie(text, full)) if text[full] in _CLOSING else 0) or full
    if text[end] != " " and _in_word(text[end - 1]) and _in_word(text[end]):
        broken = _break(text, end, width)
        end = broken if broken < end or end == full else full  # no word parts for the sake of a comma
    start = _number_over(text, end, width)
    return end if start < 0 else start or full


def widest_number(text: str) -> int:
    """The columns of the longest number in it, with what belongs to it: ``￥1,234.50``, ``12.340 kg``, a time with its
    day, a code in its groups of five."""
    return max((columns(found[0]) for found in _NUMBER.finditer(text)), default=0)


def _break(text: str, end: int, width: int) -> int:
    """Where a line ends instead of in the middle of a word: 1 to ``end`` characters of ``text``."""
    start = end - len(text[:end]) + len(text[:end].rstrip(_WORD))
    whole = _FIRST_WORD.match(text, start)
    assert whole is not None
    if start > 0 and columns(whole[0]) <= width:
        return start  # the word is whole on the next line
    signs = [
        place
        for place in range(start + 1, end + 1)
        if text[place - 1] in _SIGNS and _number_over(text, place, width) < 0
    ]
    return signs[-1] if signs and signs[-1] * 2 >= end else end


def _number_over(text: str, place: int, width: int) -> int:
    """Where the number begins that a line ending here would part; -1 when there is none, or it fits no line."""
    for found in _NUMBER.finditer(text, 0, place + width + 2):  # what fits ends before; two letters tell that it does
        if found.start() < place < found.end():
            return found.start() if columns(found[0]) <= width else -1
    return -1


_WHOLE = "(?![.,:/-]?[0-9])"  # where no digit of the same number follows
_NUMBER = re.compile(
    rf"(?<![0-9])[0-9]{{5}}(?: [0-9]{{5}}{_WHOLE})+(?: [0-9]{{1,4}}{_WHOLE})?"
    rf"|(?<![0-9])[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} [0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?{_WHOLE}"
    r"|[￥+-]?[0-9]+(?:[.,:/-][0-9]+)*(?:%| ?(?:kg|g|mg/kg|μg/kg|%|℃|h)(?![A-Za-z0-9/]))?"
)
_FIRST_WORD = re.compile(r"[!-~]+")
_SIGNS = "-/.,:;_?&=#@+"
_CLOSING = "，。、；：！？）】》”’…"
_WORD = "".join(chr(code) for code in range(0x21, 0x7F))


def _untie(text: str, end: int) -> str:
    """The start of ``text`` up to a place before ``end`` where the next line begins well; empty when there is none."""
    while end > 0 and text[end] in _CLOSING:
        end -= 1
    return text[:end]


def _in_word(letter: str) -> bool:
    return "!" <= letter <= "~"


def _head(text: str, width: int) -> str:
    """The longest start of ``text`` in at most ``width`` columns."""
    taken = 0
    for place, letter in enumerate(text):
        taken += columns(letter)
        if taken > width:
            return text[:place]
    return text


def _holds(letter: str, category: str, encoding: Encoding) -> bool:
    if encoding in ("gbk", "raster"):  # what is drawn needs a font that has the letter: ``drawable`` knows
        return _in_gbk(letter)
    return category not in _NOBODYS


def _in_gbk(letter: str) -> bool:
    try:
        data = letter.encode("gbk")
    except UnicodeEncodeError:
        return False
    return len(data) == 2 or 0x20 <= data[0] < 0x7F
