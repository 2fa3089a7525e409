"""What the printer's test page shows: the printer's settings, and what a wrong one garbles."""

from dataclasses import asdict
from typing import Any

from protocol.printers.profile import Profile


def content(printer: str, port: str, profile: Profile) -> dict[str, Any]:
    ruler = "".join(str(place % 10) for place in range(1, profile.columns + 1))
    return {"data": {"printer": printer, "port": port, "profile": asdict(profile), "ruler": ruler}}
