"""Rows as plain text, for screens and tests: what the paper says, a code as its payload."""

from protocol.printers.document import Align
from protocol.printers.layout import BarcodeRow, CutRow, FeedRow, Page, QRRow, TextRow


def plain(page: Page) -> str:
    """The page's lines, each ended by a line feed; blank lines at the end are left out."""
    lines: list[str] = []
    for row in page.rows:
        match row:
            case TextRow():
                lines.append(_line(row, page.columns))
            case QRRow():
                lines.append(f"[QR {row.payload}]")
            case BarcodeRow():
                lines.append(f"[barcode {row.payload}]")
            case FeedRow():
                lines += [""] * row.lines
            case CutRow():
                pass
    return "\n".join(lines).rstrip("\n") + "\n"


def _line(row: TextRow, columns: int) -> str:
    text = "".join([run.text for run in row.runs])
    if row.align is not Align.LEFT:
        text = " " * row.align.before(columns - sum(run.columns for run in row.runs)) + text
    return text.rstrip(" ")
