"""A box's life: the package of an older tree, a station, a scale and a printer on USB adapters, sales, a reboot, kills,
an upgrade, a refused way back, a power cut, an upgrade by itself; and it is rid of the package again.
"""

import json
import time
from pathlib import Path

from container import Container
from guest import Guest
from walk import Device, Steps

STATION = "/var/lib/marketedge/stall"
CONFIG = f"{STATION}/station.toml"
PAGE = "http://127.0.0.1:8080"
SCALE = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_MEscale-if00-port0"
PRINTER = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_MEprinter-if00-port0"
GOODS = """
[[product]]
code = "01010101"
name = "大白菜"
price = "3.50"
lot = "optional"
"""
DEVICES = f"""{GOODS}
[[scale]]
name = "scale-1"
model = "mt-sics"
port = "{SCALE}"
max = "30 kg"
min = "200 g"
e = "10 g"
verified_until = 2099-12-31
[[printer]]
name = "printer-1"
port = "{PRINTER}"
profile = "generic-58"
"""
SETTINGS = r's/^groups = .*//; s/^# typed_weights = .*/typed_weights = "everybody"/'
FETCH = (
    "python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=20).read().decode())'"
)
EMPTY = f"{FETCH} {PAGE}/api/board | grep -q below_min"  # a pan has to be seen empty once
QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends"


class Box:
    """One Debian on its way, and every sale that was answered in it."""

    def __init__(self, guest: Guest | Container, made: dict[str, Path], scale: Device, printer: Device) -> None:
        self.guest, self.made, self.scale, self.printer = guest, made, scale, printer
        self.sold: list[str] = []

    def install(self) -> None:
        guest = self.guest
        guest.mount_goods()
        guest.does(f"{QUIET} install /goods/{self.made['before'].name}", seconds=900)
        assert {"dialout", "lp"} <= set(guest.does("id -Gn marketedge").split())
        guest.does("marketedge --version")
        assert "station.toml" in guest.does(f"marketedge init {STATION} --job stall")
        guest.does(f"cat >> {CONFIG} <<'END'\n{DEVICES}\nEND")
        guest.does(f"sed -i '{SETTINGS}' {CONFIG}")
        guest.does("systemctl enable --now marketedge@stall")
        guest.waits_for(f"{FETCH} {PAGE}/stall | grep -q 'marketedge\\|html'")

    def plug(self) -> None:
        """Adapters come after the station has started: it has to be allowed what was not there yet."""
        assert self.guest.tries("ls /dev/ttyUSB0")[0] != 0
        assert isinstance(self.guest, Guest)
        self.guest.plug("scale", self.scale.port)
        self.guest.plug("printer", self.printer.port)
        self.guest.waits_for(f"ls {SCALE} {PRINTER}")
        up = (
            "import json, sys; b = json.load(sys.stdin)['board']; "
            "sys.exit(not all(d['up'] for d in b['scales'] + b['printers']))"
        )
        self.guest.waits_for(f'{FETCH} {PAGE}/api/board | python3 -c "{up}"')

    def weigh(self) -> None:
        """A sale of what lies on the scale, and its slip."""
        self.guest.waits_for(EMPTY)
        self.scale.does("put 1.25")
        sale = json.loads(self.guest.does("python3 /goods/seller.py weighed 1"))
        assert sale["net_g"] == 1250
        assert sale["job"] is not None
        self.sold.append(sale["tx"])

    def sell(self, times: int) -> None:
        said = self.guest.does(f"python3 /goods/seller.py typed {times}", seconds=900)
        self.sold += [json.loads(line)["tx"] for line in said.splitlines()]

    def whole(self) -> None:
        """Nothing that was answered is missing, and all of it verifies."""
        self.guest.waits_for(f"{FETCH} {PAGE}/stall | grep -q html")
        said = json.loads(self.guest.does(f"marketedge ledger verify -c {CONFIG}"))
        assert said["ok"], said
        there = self.guest.does(f"marketedge ledger export --as jsonl -c {CONFIG}")
        missing = [code for code in self.sold if code not in there]
        assert not missing, f"{len(missing)} of {len(self.sold)} are missing"

    def as_promised(self) -> None:
        """What the unit says of itself, on the systemd of this Debian."""
        guest = self.guest
        score = guest.does("systemd-analyze security --no-pager marketedge@stall | tail -1")
        assert float(score.split("level for marketedge@stall.service: ")[1].split()[0]) <= 2.0, score
        status = guest.does("systemctl show -p StatusText --value marketedge@stall")
        assert "待平台确认" in status, status
        priorities = guest.does("journalctl -u marketedge@stall -o json --output-fields=PRIORITY")
        assert {json.loads(line)["PRIORITY"] for line in priorities.splitlines() if "PRIORITY" in line} >= {"6"}
        log = guest.does("journalctl -u marketedge@stall -o cat")
        assert "Traceback" not in log, log
        _, checked, _ = guest.tries(f"marketedge check -c {CONFIG}")
        assert " clock: " in checked, checked
        assert "adjtimex" not in checked, checked

        assert guest.tries("runuser -u marketedge -- touch /usr/lib/marketedge/here")[0] != 0

    def reboot(self) -> None:
        self.guest.reboot()
        self.guest.mount_goods()
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")

    def kill(self) -> None:
        """Oftener than systemd's usual limit of five in ten seconds."""
        for _ in range(7):
            self.guest.waits_for("systemctl is-active --quiet marketedge@stall")
            self.guest.does("systemctl kill -s KILL marketedge@stall && sleep 1")
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")
        assert int(self.guest.does("systemctl show -p NRestarts --value marketedge@stall")) >= 7

    def hang(self) -> None:
        """A process that stands still is ended and started anew."""
        self.guest.does("systemctl kill -s STOP marketedge@stall")
        before = self.guest.does("systemctl show -p MainPID --value marketedge@stall")
        self.guest.waits_for(f"test $(systemctl show -p MainPID --value marketedge@stall) != {before}", 180)
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")
        assert "atchdog" in self.guest.does("journalctl -u marketedge@stall")

    def upgrade(self) -> None:
        self.guest.does(f"{QUIET} install /goods/{self.made['now'].name}", seconds=900)
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")

    def no_way_back(self) -> None:
        code, out, err = self.guest.tries(f"{QUIET} install --allow-downgrades /goods/{self.made['before'].name}")
        assert code and "newer form" in out + err, out + err
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")
        assert self.guest.does("dpkg-query -W -f '${Version} ${db:Status-Abbrev}' marketedge").strip().endswith("ii")

    def power_cut(self) -> None:
        """In the middle of sales."""
        said = self.guest.leaves_running("python3 /goods/seller.py typed 2000")
        time.sleep(4)
        self.guest.pull_the_plug()
        lines = said.read_text("utf-8", "replace").splitlines()
        answered = [json.loads(line)["tx"] for line in lines if line.startswith("{") and line.endswith("}")]
        assert answered
        self.sold += answered
        self.guest.start()
        self.guest.mount_goods()
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")

    def by_itself(self) -> None:
        """unattended-upgrades takes a version from the repository."""
        guest = self.guest
        guest.does(
            "cp /goods/apt/marketedge.gpg /usr/share/keyrings/ && rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*"
        )
        examples = "/usr/share/doc/marketedge/examples"
        guest.does(
            f"sed 's,^URIs:.*,URIs: file:/goods/apt,' {examples}/marketedge.sources > "
            f"/etc/apt/sources.list.d/marketedge.sources && cp {examples}/52marketedge /etc/apt/apt.conf.d/"
        )
        guest.does("apt-get update -q")
        guest.does("unattended-upgrade -v", seconds=900)
        assert "0.1~then" in guest.does("dpkg-query -W -f '${Version}' marketedge")
        guest.waits_for("systemctl is-active --quiet marketedge@stall")

    def remove(self) -> None:
        """The ledger stays, and is gone on with by the next installation."""
        self.guest.does(f"{QUIET} purge marketedge")
        assert self.guest.tries("ls /usr/lib/marketedge")[0] != 0
        assert self.guest.does(f"ls {STATION}/data/ledger.db")
        self.guest.does(f"{QUIET} install /goods/{self.made['then'].name}", seconds=900)
        self.guest.does("systemctl start marketedge@stall")

    def steps(self) -> Steps:
        """All of them."""
        plugged: Steps = [
            ("a scale and a printer plugged in", self.plug),
            ("sold from the scale", self.weigh),
        ]
        return [
            ("installed, a station made, its page is there", self.install),
            *(plugged if self.guest.devices else []),
            ("sold", lambda: self.sell(100)),
            ("upgraded from the version before", self.upgrade),
            ("the ledger is whole", self.whole),
            ("unit, log and clock are as promised", self.as_promised),
            ("rebooted", self.reboot),
            ("the ledger is whole", self.whole),
            ("sold", lambda: self.sell(20)),
            ("killed seven times", self.kill),
            ("hung", self.hang),
            ("the ledger is whole", self.whole),
            ("the way back is refused", self.no_way_back),
            ("the power cut", self.power_cut),
            ("the ledger is whole", self.whole),
            ("upgraded by itself", self.by_itself),
            ("the ledger is whole", self.whole),
            ("purged, and installed again", self.remove),
            ("the ledger is whole", self.whole),
        ]
