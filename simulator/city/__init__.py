"""A small working city platform: takes events over MQTT, keeps them, answers, and shows slips to phones."""

from simulator.city.server import City

__all__ = ["City"]
