"""Files that a market wrote: its templates and its words."""

from pathlib import Path

SUFFIX = ".paper"


class BadTemplate(ValueError):
    """A template cannot be used; the message has a line per mistake, ``FILE:LINE: reason``.

    ``endless``: it took too long, so it is not to be tried with every other record too.
    """

    endless = False


def read(path: Path) -> str:
    """A file that people wrote, with any line ends. Raises BadTemplate."""
    try:
        return path.read_text("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadTemplate(f"{path}: this is not UTF-8; save it as UTF-8 (in Notepad: Save as, Encoding)") from None
    except OSError as error:
        raise BadTemplate(f"{path}: {error.strerror}") from None
