"""Acme's scales: what an outside package brings to marketedge."""

from drivers.model import Model
from protocol.link import Link

MODELS = (
    Model("acme-pro-15", "Acme", "Pro 15", "st_gs", link=Link(4800)),
    Model("acme-pro-30", "Acme", "Pro 30", "mt_sics"),
)
