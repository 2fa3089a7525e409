"""Receipt and label printers, one row a model.

Dots, columns and cutters are from the printers' manuals and the public escpos-printer-db; the two generic rows do for a
printer without a name, the impact row for those with a ribbon. A row says less than the printer can where makers
differ.
"""

from protocol.printers.profile import Profile

_ROWS = (
    Profile("generic-58", "", "58 mm printer", dots=384, columns=32),
    Profile("generic-80", "", "80 mm printer", dots=576, columns=48, cutter=True, module=6, tear=5),
    Profile("pos-5890", "Zjiang", "POS-5890 / NT-5890K", dots=384, columns=32),
    Profile("zj-5870", "Zjiang", "ZJ-5870", dots=384, columns=32),
    Profile(
        "impact-76", "", "76 mm impact printer (针式)", dots=400, columns=32, pictures="columns-8", speed=15, module=6
    ),
    Profile("sunmi-v2", "Sunmi", "V2, built-in printer", dots=384, columns=32, encoding="utf-8", status="none"),
    Profile("kr-306", "KR", "KR-306", dots=576, columns=48, cutter=True, module=6, tear=5),
    Profile("tp80k", "HPRT", "TP80K", dots=576, columns=48, cutter=True, module=6, tear=5),
    Profile("tm-t20ii", "Epson", "TM-T20II", dots=576, columns=48, cutter=True, status="process_id", module=6, tear=5),
    Profile(
        "tm-t82",
        "Epson",
        "TM-T81 / T82 / T83",
        dots=576,
        columns=48,
        cutter=True,
        status="process_id",
        module=6,
        tear=5,
    ),
    Profile("tm-m30", "Epson", "TM-m30", dots=576, columns=48, cutter=True, status="process_id", module=6, tear=5),
    Profile("label-40x30", "", "label printer, 40 x 30 mm", "tspl", 320, 26, status="dle_eot", label=(40, 30, 2)),
    Profile("label-60x40", "", "label printer, 60 x 40 mm", "tspl", 480, 40, status="dle_eot", label=(60, 40, 2)),
)

PROFILES = {row.id: row for row in _ROWS}
BY_WIDTH = {"58": "generic-58", "80": "generic-80"}  # a slip printer without a name, by its paper in mm
LABEL = "label-40x30"
USUAL = (*BY_WIDTH.values(), LABEL)  # what templates have to fit


class UnknownPrinter(LookupError):
    """No row has this id; the message lists those there are."""


def profile(printer_id: str) -> Profile:
    """The row with this id; raises UnknownPrinter."""
    if printer_id not in PROFILES:
        raise UnknownPrinter(f"no printer {printer_id!r}; there are: {', '.join(PROFILES)}")
    return PROFILES[printer_id]
