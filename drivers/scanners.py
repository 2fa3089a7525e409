"""Barcode scanners and card readers, one row a model."""

from drivers.model import Model

MODELS = (
    Model("keyboard-scanner", "", "any barcode scanner or card reader that is a keyboard", "scanner_hid"),
    Model(
        "serial-scanner",
        "",
        "any barcode scanner or card reader on a serial line",
        "scanner_serial",
    ),
)
