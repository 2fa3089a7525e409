"""What stands on the ports of a box, looked at once before there is a station: scales, analyzers, printers.

A port is looked at as `marketedge identify` does it.  Before that a silent one is asked what only receipt printers
answer (DLE EOT), so that no printer gets the questions for scales as text.
"""

import os
import re
from collections.abc import Callable
from typing import Literal

from drivers.discover import NO_NAME, NO_NUMBER, OWN_PORT, FoundPort, serial_ports, usb_ports
from drivers.identify import LISTEN_SECONDS, Search
from drivers.recognise import Match
from drivers.transports import LinkLost, open_port
from drivers.transports.adapters import System
from edge.between.tongue import said
from edge.between.words import Bilingual, by_key
from edge.web.wording import ucum
from protocol import formats
from protocol.frozen import frozen
from protocol.link import Link
from protocol.printers import status
from protocol.readings import Measured, TestResult, Weighing

PRINTER_BAUDS = (115200, 9600, 19200, 38400)
QUIET_SECONDS = 0.3  # a printer says nothing by itself
ANSWER_SECONDS = 0.25
PRESS_SECONDS = 8.0  # somebody puts a load on, and presses a key
Kind = Literal["scale", "analyzer", "probe", "printer", ""]
Tell = Callable[[str], None]


ADAPTERS = (  # what drivers/discover.py says of them
    (re.escape(NO_NUMBER), "没有自己的序列号：名称是插口，请勿换插口"),
    (re.escape(NO_NAME), "没有序列号，也没有固定的名称：两个这样的转接器分不清"),
    (r"\bnumber (\S+), which another one has too: .*?(?=\))", r"序列号 \1，另一个也是这个号：名称是插口，请勿换插口"),
    (r"\bnumber (?=\S+\))", "序列号 "),
    (re.escape(OWN_PORT), "本机自带的端口"),
)


class Skipped(Exception):
    """The person wants this port left alone; raised by a ``Tell`` and passed on."""


@frozen
class Found:
    """One port looked at. ``matches``: what speaks there, the likeliest first; ``printer``: it answers as one does, at
    ``link``. ``why`` is the reason where it could not be opened; ``heard`` counts bytes that no format reads."""

    port: FoundPort
    matches: tuple[Match, ...] = ()
    printer: bool = False
    link: str = ""
    why: str = ""
    heard: int = 0

    @property
    def told(self) -> Bilingual:
        """What was found, in a line."""
        if self.why:
            return Bilingual(f"打不开：{self.why}", f"cannot be opened: {self.why}")
        if self.printer:
            at = f" ({self.link})" if self.link else ""
            return Bilingual(f"一台打印机{at}", f"a printer{at}")
        if self.matches:
            first = told_of(self.matches[0])
            more = len(self.matches) - 1
            others = Bilingual(f"；另有 {more} 种可能", f"; {more} more may be meant") if more else Bilingual("", "")
            return Bilingual(first.zh + others.zh, first.en + others.en)
        if self.heard:
            return Bilingual(
                f"收到 {self.heard} 个字节，但没有一种已知协议读得懂",
                f"{self.heard} bytes came, but no known protocol fits them",
            )
        return Bilingual("没有声音，也没有回答", "nothing heard, and no answer")


def told_of(one: Match) -> Bilingual:
    """A finding in a person's words: what it is, and what it reads."""
    title = formats.find(one.protocol).title
    kind = by_key()[one.kind]
    match one.example:
        case Weighing(value=value, unit=unit) if value is not None:
            reads = f"{value} {unit or ''}".strip()
        case Measured(value=value, unit=unit):
            reads = f"{value} {ucum(unit)}"
        case TestResult(item=item, value=value):
            reads = f"{item} {value or ''}".strip()
        case _:
            return Bilingual(f"{kind.zh}：{title}", f"{kind.en}: {title}")
    return Bilingual(f"{kind.zh}：{title}，现在读到 {reads}", f"{kind.en}: {title}, it reads {reads} now")


def what_of(port: FoundPort) -> Bilingual:
    """What a port is: the adapter's own name, and how far that leads to it alone."""
    zh = port.what
    for english, chinese in ADAPTERS:
        zh = re.sub(english, chinese, zh)
    return Bilingual(zh, port.what)


def ports() -> tuple[FoundPort, ...]:
    """What is plugged in: adapters first."""
    return (*serial_ports(System.of(os.environ)), *usb_ports())


def look(port: FoundPort, tell: Tell, *, press: bool = False) -> Found:
    """Look at one port; takes up to half a minute where nothing speaks.

    With ``press`` somebody loads the scale or presses its key meanwhile: it listens for longer, and scales that answer
    only by printing are asked, too.  Raises what ``tell`` raises.
    """
    if port.kind == "printer":
        return Found(port, printer=True)
    serial = port.kind == "serial"
    try:
        if serial and not press and (baud := _printer(port.stable, tell)):
            return Found(port, printer=True, link=str(Link(baud)))
        report = Search(
            lambda link: open_port(port.stable, link),
            wire="serial" if serial else "usb-hid",
            our_settings=serial,
            listen=PRESS_SECONDS if press else LISTEN_SECONDS,
            allow_print=press,
            tell=lambda text: tell(progress(text)),
        ).run()
    except LinkLost as lost:
        return Found(port, why=str(lost).removeprefix(f"{port.stable}: "))
    return Found(port, report.findings, heard=0 if report.findings else len(report.heard))


def _printer(address: str, tell: Tell) -> int:
    """At which rate a receipt printer answers here; 0 where none does, or something speaks by itself.

    Raises LinkLost.
    """
    for baud in PRINTER_BAUDS:
        tell(said(f"找打印机，波特率 {baud}", f"looking for a printer at {baud} baud"))
        line = open_port(address, Link(baud))
        try:
            if line.read(QUIET_SECONDS):
                return 0
            if all(_answered(line.write, line.read, number) for number in (status.PRINTER, status.PAPER)):
                return baud
        finally:
            line.close()
    return 0


def _answered(write: Callable[[bytes], None], read: Callable[[float], bytes], number: int) -> bool:
    """Whether this question got the one byte that a printer answers."""
    write(status.ask(number))
    data = read(ANSWER_SECONDS)
    return len(data) == 1 and data[0] & 0x93 == 0x12


def progress(text: str) -> str:
    """What ``Search`` tells, in the person's language."""
    what, _, settings = text.partition(" at ")
    settings = settings.partition(":")[0].removesuffix(" baud")
    zh = {"listening": "正在听", "asking": "正在询问"}.get(what, what)
    return said(f"{zh} {settings}".strip(), f"{what} {settings}".strip())
