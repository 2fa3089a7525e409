"""Rapid-test analyzers, one row a model."""

from drivers.model import Model

MODELS = (
    Model(
        "dayuan-lz4000t",
        "Dayuan",
        "LZ4000T pesticide residue tester",
        "dayuan_crc8",
        options={"model": "lz4000t"},
    ),
    Model("dayuan-tl310", "Dayuan", "TL310 pesticide residue tester", "dayuan_crc8", options={"model": "tl310"}),
)
