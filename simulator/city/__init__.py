"""A small working city platform: takes events over MQTT, keeps them, answers, and shows slips to phones."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.city.server import City

__all__ = ["City"]


def __getattr__(name: str) -> Any:
    """The pages are loaded for whoever wants the whole city: a worker has none."""
    if name == "City":
        from simulator.city.server import City

        return City
    raise AttributeError(name)
