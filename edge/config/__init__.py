"""station.toml: its sections, and its mistakes in words."""

from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.toml")  # what `marketedge init` writes
