"""Rows as plain text, for screens and tests: what the paper says, a code as its payload."""

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
    blank = columns - sum(run.columns for run in row.runs)
    return (" " * row.align.before(blank) + "".join(run.text for run in row.runs)).rstrip(" ")
