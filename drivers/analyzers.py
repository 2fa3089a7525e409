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
    Model("astm-any", "", "any analyzer set to ASTM E1381/E1394 (LIS1-A, LIS2-A2)", "astm"),
)
