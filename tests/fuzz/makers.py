"""Every target by its name; it is made when it is asked for."""

from collections.abc import Callable
from functools import partial

import contract
import devices
import papers
import station
from parts import Target

from protocol import formats


def _made(target: Target) -> Target:
    return target


MAKERS: dict[str, Callable[[], Target]] = {
    **{name: partial(devices.device, name) for name in formats.ids()},
    "options": devices.options,
    **{target.name: partial(_made, target) for target in (*contract.TARGETS, *papers.TARGETS)},
    **station.MAKERS,
}
