"""The codes that an ESC/POS printer makes by itself: what was set for them, and their printing."""

from simulator.printer.codes import LEVELS, code128_as_sent, qr_side
from simulator.printer.head import Head
from simulator.printer.printed import NO_MEANING, NOT_AT_START, NOT_DRAWN, QR, TOO_WIDE, Barcode

CODE128 = 73
LAST_KIND = 79
FORM_A = 6  # the last kind whose data end with NUL


class OwnCodes:
    """Settings as after power-up. What a method answers is why it was not obeyed."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._stored = b""
        self._module = 3
        self._level = "L"
        self._high = 162
        self._bar = 3
        self._text = 0

    def qr(self, function: int, data: bytes) -> str | None:
        """GS ( k of QR codes: 65 model, 67 module, 69 level, 80 store, 81 print."""
        match function, data[0]:
            case 65, _ if len(data) == 2:
                return None if data[0] in (49, 50) else NOT_DRAWN
            case 67, module if 1 <= module <= 16:
                self._module = module
            case 69, level if 48 <= level <= 51:
                self._level = LEVELS[level - 48]
            case 80, 48:
                self._stored = data[1:]
            case 81, 48:
                return self._print_qr()
            case _:
                return NO_MEANING
        return None

    def _print_qr(self) -> str | None:
        if self._head.line:
            return NOT_AT_START
        if not self._stored:
            return "nothing is stored: not printed"
        side = qr_side(self._stored, self._level)
        if not side:
            return "more than a code holds: not printed"
        width = side * self._module
        if width > self._head.dots:
            return TOO_WIDE
        self._head.add(QR(self._stored, self._level, side, self._module, self._head.left(width)))
        return None

    def bar_height(self, n: int) -> str | None:
        if not n:
            return NO_MEANING
        self._high = n
        return None

    def bar_width(self, n: int) -> str | None:
        if not 1 <= n <= 6:
            return NO_MEANING
        self._bar = n
        return None

    def bar_text(self, n: int) -> str | None:
        """0 none, 1 above, 2 below, 3 both."""
        if n not in (0, 1, 2, 3, 48, 49, 50, 51):
            return NO_MEANING
        self._text = n % 48
        return None

    def barcode(self, data: bytes) -> str | None:
        """GS k: form A is its kind, data and NUL, form B its kind, length and data."""
        kind = data[0]
        said = data[1:-1] if kind <= FORM_A else data[2:]
        if self._head.line:
            return NOT_AT_START
        if (kind <= FORM_A and data[-1:] != b"\0") or FORM_A < kind < 65 or kind > LAST_KIND or not said:
            return NO_MEANING
        bars, text = "", said.decode("latin-1")
        if kind == CODE128:
            try:
                bars, text = code128_as_sent(said)
            except ValueError as error:
                return f"{error}: not printed"
        width = len(bars) * self._bar
        if width > self._head.dots:
            return TOO_WIDE
        above, below = bool(self._text & 1), bool(self._text & 2)
        self._head.add(Barcode(text, bars, self._bar, self._high, self._head.left(width), above, below))
        return None
