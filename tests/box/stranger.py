"""What a stranger needs from a bare Debian to the first sale with its slip: apt, the questions on a terminal, the unit.

Walked where nothing but the program takes time: in a container.  Its serial adapters are ptys of this machine, under a
/dev and a /sys of their own.
"""

import json
from pathlib import Path

from container import Container
from life import CONFIG, EMPTY, FETCH, GOODS, PAGE, QUIET, STATION
from walk import Device, Slips, Steps

MACHINE = Path("/run/box")
PLUGS = (
    "import sys; from pathlib import Path; sys.path.insert(0, '/goods'); from machine import Machine; "
    f"m = Machine(Path('{MACHINE}')); m.plug('/wires/scale', '1.2', serial='A1'); m.plug('/wires/printer', '1.3')"
)
ENVIRON = f"MARKETEDGE_DEV={MACHINE}/dev MARKETEDGE_SYS={MACHINE}/sys"
EDITED = f"[Service]\\nEnvironment={ENVIRON}\\n"


class Stranger:
    """Who has the platform's repository, a scale, a printer, and box.md."""

    def __init__(self, guest: Container, scale: Device, papers: Path) -> None:
        self.guest, self.scale, self.slips = guest, scale, Slips(papers)

    def steps(self) -> Steps:
        return [
            ("apt knows the repository", self.source),
            ("installed", lambda: self.guest.does(f"{QUIET} install marketedge", seconds=900)),
            ("asked on a terminal: scale and printer found, a test page printed", self.init),
            ("the station runs, its page is there", self.run),
            ("the first sale, with its slip", self.sell),
        ]

    def source(self) -> None:
        """As box.md tells it; the adapters are plugged in meanwhile."""
        guest = self.guest
        guest.does("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
        guest.does("cp /goods/apt/marketedge.gpg /usr/share/keyrings/")
        source = "/etc/apt/sources.list.d/marketedge.sources"
        guest.does(f"sed 's,^URIs:.*,URIs: file:/goods/apt,' /goods/marketedge.sources > {source}")
        guest.does("apt-get update -q")
        guest.does(f'python3 -c "{PLUGS}"')
        guest.does("chgrp dialout /wires/* && chmod 660 /wires/*")  # as udev does
        guest.does(
            "mkdir -p /etc/systemd/system/marketedge@.service.d && "
            f"printf '{EDITED}' > /etc/systemd/system/marketedge@.service.d/plugs.conf"
        )

    def init(self) -> None:
        said = self.guest.does(f"{ENVIRON} python3 /goods/answers.py {STATION}", seconds=600)
        for found in ("ok   scale-1: ", "ok   printer-1: "):
            assert found in said, said
        self.slips.until("打印测试页")

    def run(self) -> None:
        """With the goods that the stall sells, and their prices."""
        self.guest.does(f"cat >> {CONFIG} <<'END'\n{GOODS}\nEND")
        self.guest.does("systemctl enable --now marketedge@stall")
        self.guest.waits_for(f"{FETCH} {PAGE}/stall | grep -q html")

    def sell(self) -> None:
        self.scale.does("put 0")
        self.guest.waits_for(EMPTY)
        self.scale.does("put 1.25")
        sale = json.loads(self.guest.waits_for("python3 /goods/seller.py weighed 1"))
        assert sale["net_g"] == 1250, sale
        self.guest.waits_for(f"{FETCH} {PAGE}/api/prints/{sale['job']} | grep -q printed")
        self.slips.until("1.250 kg")
        assert json.loads(self.guest.does(f"marketedge ledger verify -c {CONFIG}"))["ok"]
