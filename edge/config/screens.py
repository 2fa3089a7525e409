"""The section [screens]: what stands on a second screen before the customer, and on the one in the hall."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from edge.config.market import no_bool
from edge.config.values import ConfigSection
from protocol.city.events import ONE_LINE

Line = Annotated[str, StringConstraints(max_length=120), ONE_LINE]


class ScreensSection(ConfigSection):
    """``open`` are the screens that show without a sign-in, where people have names.

    ``pay_text`` is what the market's static pay code says, or ``pay_file`` its picture (PNG or JPEG, 200 kB at most);
    ``pay_words`` stand beneath.  ``held`` is what the hall reads of a lot on hold: its goods and the stall, the goods
    alone, or only how many there are; a person never stands there.  A page of the hall stays for ``page_seconds``.
    """

    open: tuple[Literal["customer", "hall"], ...] = ()
    pay_text: Annotated[str, StringConstraints(max_length=300, pattern=r"^[ -~]*$")] = ""
    pay_file: Path | None = None
    pay_words: Line = ""
    held: Literal["stall", "goods", "count"] = "goods"
    page_seconds: Annotated[int, BeforeValidator(no_bool)] = Field(12, ge=3, le=600)
