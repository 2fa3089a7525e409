"""`make box`: a box from nothing to its end, in a Debian that boots (QEMU).

Each Debian gets the package of an older tree of the program, a station, a scale and a printer on USB adapters, sales, a
reboot, kills, an upgrade, a refused way back, a power cut, an upgrade by itself, and is rid of the package again: after
each of these the ledger has every sale that was answered, and verifies.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import click
from container import Container
from guest import Guest
from images import bare

from edge.packaging.image import SUITES
from edge.packaging.repository import publish

SIGNER = "box@marketedge.example"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STATION = "/var/lib/marketedge/stall"
CONFIG = f"{STATION}/station.toml"
PAGE = "http://127.0.0.1:8080"
SCALE = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_MEscale-if00-port0"
PRINTER = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_MEprinter-if00-port0"
DEVICES = f"""
[[product]]
code = "01010101"
name = "大白菜"
price = "3.50"
lot = "optional"
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
QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends"


class Box:
    """One Debian on its way, and every sale that was answered in it."""

    def __init__(self, guest: Guest | Container, made: dict[str, Path]) -> None:
        self.guest, self.made = guest, made
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

    def plug(self, scale: int, printer: int) -> None:
        """Adapters come after the station has started: it has to be allowed what was not there yet."""
        assert self.guest.tries("ls /dev/ttyUSB0")[0] != 0
        assert isinstance(self.guest, Guest)
        self.guest.plug("scale", scale)
        self.guest.plug("printer", printer)
        self.guest.waits_for(f"ls {SCALE} {PRINTER}")
        up = (
            "import json, sys; b = json.load(sys.stdin)['board']; "
            "sys.exit(not all(d['up'] for d in b['scales'] + b['printers']))"
        )
        self.guest.waits_for(f'{FETCH} {PAGE}/api/board | python3 -c "{up}"')

    def weigh(self) -> None:
        """A sale of what lies on the scale, and its slip."""
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


def packages(work: Path, older: str) -> dict[str, Path]:
    """Those of the tree before, of this one, and of this one again as the next version."""
    source = work / "older"
    if not source.exists():
        source.mkdir(parents=True)
        tree = subprocess.run(["git", "-C", str(ROOT), "archive", older], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(source)], input=tree, check=True)
    made = {}
    for name, out, more in (
        ("before", work / "older-made", ["--source", str(source), "--links", str(_links(work))]),
        ("now", work / "made", []),
        ("then", work / "made", []),
    ):
        command = [sys.executable, "-P", "-m", "edge.packaging", "deb", "--arch", "amd64", "--version", f"0.1~{name}"]
        quick = {**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "gzip"}
        subprocess.run([*command, "--out", str(out), *more], check=True, cwd=ROOT, env=quick)
        made[name] = out / f"marketedge_0.1~{name}_amd64.deb"
    return made


def _links(work: Path) -> Path:
    """Wheels of what older versions needed and PyPI has as source alone."""
    links = work / "links"
    if not links.exists():
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(links)]
        subprocess.run([*pip, "sdnotify==0.3.2"], check=True)
    return links


def goods(work: Path, made: dict[str, Path]) -> Path:
    """A disk with the packages, an apt repository of the next version, and the seller."""
    folder = work / "goods"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in (*made.values(), HERE / "seller.py"):
        shutil.copy(file, folder)
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, GNUPGHOME=home):
        gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key"]
        subprocess.run([*gpg, SIGNER, "ed25519", "sign"], check=True)
        publish([made["then"]], folder / "apt", SIGNER, time.time())
        subprocess.run(["gpgconf", "--kill", "all"], check=False)
    disk = work / "goods.ext4"
    disk.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder), str(disk), "600M"], check=True)
    return disk


@click.command()
@click.option("--suite", "suites", type=click.Choice(SUITES), multiple=True, help="Left out: each.")
@click.option(
    "--before", default="", help="The git revision that is upgraded from. Left out: before the last step of the ledger."
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("/var/tmp/marketedge-box"), show_default=True)
@click.option(
    "--how",
    type=click.Choice(["kvm", "tcg", "container"]),
    default="kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg",
    show_default=True,
    help="QEMU with the processor's help or without (hours), or systemd-nspawn: no devices, no power cut.",
)
@click.option("--keep", is_flag=True, help="Leave images and packages there for the next run.")
def main(suites: tuple[str, ...], before: str, work: Path, keep: bool, how: str) -> None:
    """Walk a box through its life in a Debian that boots."""
    work.mkdir(parents=True, exist_ok=True)
    made = packages(work, before or _before_the_last_step())
    disk = goods(work, made)
    failed = [suite for suite in suites or SUITES if not _walk(suite, work, disk, made, how)]
    if not keep:
        shutil.rmtree(work)
    sys.exit(1 if failed else 0)


def _walk(suite: str, work: Path, disk: Path, made: dict[str, Path], how: str) -> bool:
    image = bare(suite, work / suite)
    run = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, run)
        scale = _device(stack, "scale", "mt_sics", "--load", "1.25", "--capacity", "30", "--division", "0.01")
        printer = _device(stack, "printer", "--out", str(run / "papers"))
        guest = stack.enter_context(
            Container(image, disk, run) if how == "container" else Guest(image, disk, run, fast=how == "kvm")
        )
        box = Box(guest, made)

        def plug() -> None:
            box.plug(scale, printer)

        steps: list[tuple[str, Callable[[], None]]] = [
            ("installed, a station made, its page is there", box.install),
            *(
                [("a scale and a printer plugged in", plug), ("sold from the scale", box.weigh)]
                if guest.devices
                else []
            ),
            ("sold", lambda: box.sell(100)),
            ("upgraded from the version before", box.upgrade),
            ("the ledger is whole", box.whole),
            ("unit, log and clock are as promised", box.as_promised),
            ("rebooted", box.reboot),
            ("the ledger is whole", box.whole),
            ("sold", lambda: box.sell(20)),
            ("killed seven times", box.kill),
            ("hung", box.hang),
            ("the ledger is whole", box.whole),
            ("the way back is refused", box.no_way_back),
            ("the power cut", box.power_cut),
            ("the ledger is whole", box.whole),
            ("upgraded by itself", box.by_itself),
            ("the ledger is whole", box.whole),
            ("purged, and installed again", box.remove),
            ("the ledger is whole", box.whole),
        ]
        for what, step in steps:
            began = time.monotonic()
            try:
                step()
            except AssertionError as error:
                click.echo(f"FAILED {suite}: {what}: {error}")
                click.echo(box.guest.tries("journalctl -u marketedge@stall -o short-monotonic | tail -40")[1])
                return False
            click.echo(f"ok {suite}: {what} ({time.monotonic() - began:.1f} s)")
        papers = len(list((run / "papers").glob("*.bin")))
        click.echo(f"{suite}: {len(box.sold)} sales, all there; {papers} slips")
    return True


def _device(stack: ExitStack, *words: str) -> int:
    """A simulated device behind a TCP port of this machine; answers the port."""
    command = [sys.executable, "-u", "-P", "-m", "simulator.cli", *words, "--tcp", "0"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(child.wait)
    stack.callback(child.kill)
    assert child.stdout is not None
    for line in child.stdout:
        if found := re.search(r"127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(f"{words}: it did not say its port")


def _before_the_last_step() -> str:
    """The commit before the newest step of the ledger's schema came: what a released version could have been."""
    text = (ROOT / "edge/records/migrations.py").read_text("utf-8")
    newest = text.rsplit("\ndef m", 1)[1].split("(")[0]
    log = ["git", "-C", str(ROOT), "log", "--format=%H", f"-Sdef m{newest}(", "--", "edge/records/migrations.py"]
    came = subprocess.run(log, check=True, capture_output=True, text=True).stdout.split()
    return f"{came[-1]}^"


if __name__ == "__main__":
    main()
