"""A whole box by our image: it boots, finds a USB scale and a USB printer, sells, and then gets a read-only root.

The devices are plugged in by USB/IP: the guest's kernel, udev and libusb take them for real.  The pages are those that
a browser on this machine sees.
"""

import json
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goods import ROOT
from guest import Guest
from life import CONFIG, GOODS
from playwright.sync_api import Page, expect, sync_playwright
from walk import Device, Slips, Steps

NODE = "420100002"
PRODUCT = "01010101"
SECONDS = 300  # in which a page of a slow guest does what it was told


def _told(section: str) -> list[str]:
    """What a section of box.md has people type and write, block by block."""
    text = (ROOT / "edge/packaging/box.md").read_text("utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return [textwrap.dedent(block).strip() for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL)]


class Stall:
    """The box, what is plugged into it, and every sale that was answered."""

    def __init__(
        self, guest: Guest, address: str, scale: Device, printer: Device, *, papers: Path, pictures: Path, later: Path
    ) -> None:
        """``address`` is that of its page on this machine, ``papers`` where the printer's go, ``pictures`` where those
        of the page go, ``later`` the package that it is upgraded to."""
        self.guest, self.address, self.scale, self.printer = guest, address, scale, printer
        self.slips, self.pictures, self.later = Slips(papers), pictures, later
        self.sold: list[str] = []

    def steps(self) -> Steps:
        """All of them."""
        return [
            ("plugged in, and udev gives them to the station's groups", self.plug),
            ("the page asks, and finds both", self.answer),
            ("sold on the page, from the scale, with a slip", lambda: self.sell("1.25")),
            ("the ledger on a partition of its own, the root read-only", self.harden),
            ("sold", lambda: self.sell("2.35")),
            ("the power cut", self.power_cut),
            ("the ledger is whole, the root as it was", self.whole),
            ("upgraded as box.md tells it", self.upgrade),
            ("the ledger is whole, the root as it was", self.whole),
            ("sold", lambda: self.sell("3.15")),
        ]

    def plug(self) -> None:
        """And once more after each start: USB/IP does not do it by itself, nor does it tell a device of a restart.

        The kernel's own files are not waited for: a station that runs takes its devices from usbhid and usblp at once,
        and lp0 is lp1 where the scale's hiddev was counted first.
        """
        guest = self.guest
        for device, group in ((self.scale, "dialout"), (self.printer, "lp")):
            device.does("unplug")
            device.does("replug")
            guest.attach(device.port)
            guest.waits_for(f"find /dev/bus/usb -group {group} | grep -q .")
        listed = guest.does("marketedge ports")
        assert "usb-hid:" in listed and "usb:" in listed, listed

    def answer(self) -> None:
        """The first start's page, from the first question to the station."""
        self.guest.waits_for("systemctl is-active box-page.socket && ss -ltn | grep -q 127.0.0.1:8080")
        with self._browser() as page:
            page.goto(self.address)
            texts = []
            while True:
                page.wait_for_selector("#start, #step button.main:not([disabled])")
                texts.append(page.inner_text("main"))
                if page.locator("#start").count():
                    break
                for name, value in (("node", NODE), ("verified ", "2099-12-31")):
                    for field in page.locator(f"input[name^='{name}']").all():
                        field.fill(value)
                page.locator("#step button.main").click()
            page.screenshot(path=self.pictures / "first-start.png")
            asked = "\n".join(texts)
            assert "scale-1" in asked and "printer-1" in asked, asked
            page.locator("#start").click()
        self.slips.until("打印测试页")
        self.guest.waits_for("systemctl is-active --quiet marketedge@stall")
        self.guest.does(f"cat >> {CONFIG} <<'END'\n{GOODS}\nEND\nsystemctl restart marketedge@stall")

    def sell(self, kg: str) -> None:
        """As at the stall: the pan is emptied and loaded, the goods are tapped, and the slip comes out."""
        with self._browser() as page:
            self.scale.does("put 0")
            page.goto(f"{self.address}/stall")
            expect(page.locator("#weight")).to_contain_text("0.00")
            self.scale.does(f"put {kg}")
            expect(page.locator("#weight")).to_contain_text(kg)
            page.locator(f"#product-{PRODUCT}").click()
            page.locator("#sell").click()
            expect(page.locator("#answer .code")).to_be_visible()
            end = page.inner_text("#answer .code")[-5:]
            expect(page.locator("#answer .state")).to_have_text("已打印")
            self.pictures.mkdir(exist_ok=True)
            page.screenshot(path=self.pictures / f"sold-{kg}.png")
        slip = self.slips.until(f"{kg}0 kg", f" {end}")
        self.sold += [code.replace(" ", "") for code in re.findall(rf"\b\d{{5}} \d{{5}} \d{{5}} {end}\b", slip)]

    def harden(self) -> None:
        """The read-only root of box.md in its own words, with its second partition a disk."""
        guest = self.guest
        move, table, _ = _told("A card that lives long: read-only root")
        guest.does(f"set -e\n{move.replace('PARTITION', 'vdc')}")
        guest.does(f"cat >> /etc/fstab <<'END'\n{table}\nEND\nmount /var/lib/marketedge")
        guest.does("chown marketedge: /var/lib/marketedge")
        guest.does("echo 'overlayroot=\"tmpfs:recurse=0\"' > /etc/overlayroot.conf")
        guest.does(
            "mkdir -p /etc/systemd/journald.conf.d && "
            "printf '[Journal]\\nStorage=volatile\\nRuntimeMaxUse=32M\\n' > /etc/systemd/journald.conf.d/ram.conf"
        )
        guest.reboot()
        assert guest.does("findmnt -n -o FSTYPE /") == "overlay"
        assert guest.does("findmnt -n -o FSTYPE,SOURCE /var/lib/marketedge").split() == ["ext4", "/dev/vdc"]
        self.plug()

    def power_cut(self) -> None:
        """With something written to the root, which the next start does not know."""
        self.guest.does("cd /var/lib/marketedge && touch /etc/written kept && sync kept")
        self.guest.pull_the_plug()
        self.guest.start()
        self.plug()

    def whole(self) -> None:
        """The root is as it was made, and every sale that was answered is there and verifies."""
        guest = self.guest
        assert guest.does("ls /etc/written 2>/dev/null || ls /var/lib/marketedge/kept") == "/var/lib/marketedge/kept"
        guest.waits_for("systemctl is-active --quiet marketedge@stall")
        said = json.loads(guest.does(f"marketedge ledger verify -c {CONFIG}"))
        assert said["ok"], said
        there = guest.does(f"marketedge ledger export --as jsonl -c {CONFIG}")
        missing = [code for code in self.sold if code not in there]
        assert not missing, f"{len(missing)} of {len(self.sold)} are missing"

    def upgrade(self) -> None:
        """By the lower root and a restart, in the words of box.md."""
        guest = self.guest
        *_, orders = _told("A card that lives long: read-only root")
        orders, restart = orders.replace("marketedge_….deb", self.later.name).rsplit("\n", 1)
        assert restart == "reboot"
        guest.mount_goods()
        guest.does(f"set -e\ncd /goods\n{orders}", seconds=900)
        guest.reboot()
        assert "0.1~then" in guest.does("dpkg-query -W -f '${Version}' marketedge")
        self.plug()

    @contextmanager
    def _browser(self) -> Iterator[Page]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1024, "height": 768}, locale="zh-CN")
            page.set_default_timeout(SECONDS * 1000)
            expect.set_options(timeout=SECONDS * 1000)
            yield page
            browser.close()
