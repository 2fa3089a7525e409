"""From the address in a configuration to an open transport."""

from drivers.transports.adapters import Admit, Identity, System, anyone
from drivers.transports.base import Transport
from drivers.transports.listen import ListenPort
from drivers.transports.printer import FilePrinter, Flow, NetworkPrinter, PrinterTransport, SerialPrinter
from drivers.transports.serial import SerialPort
from protocol.link import Link


def open_port(address: str, link: Link, admit: Admit = anyone, system: System | None = None) -> Transport:
    """Open ``/dev/…`` or ``socket://host:port`` with these line settings. Raises LinkLost.

    Also ``usb-hid:``, ``usb-hid:VID:PID[:SERIAL]``, ``usb-hid:VID:PID@BUS-PORT`` (a USB scale), ``w1:PATH`` (a
    thermometer's ``w1_slave`` file), ``listen:HOST:PORT`` (an instrument that connects to us), ``http:HOST:PORT`` (one
    that uploads to us), ``folder:PATH`` (result files), ``evdev:PATH`` (a scanner that is a keyboard),
    ``ws://HOST:PORT`` (a PC scale) and ``replay:FILE``.

    ``admit`` is told what stands behind the address before a byte of it is read, and may raise Stranger; ``system`` is
    where devices are looked up.
    """
    if address.startswith("replay:"):
        from drivers.transports.replay import Replay  # nobody's counter has a recording

        return Replay(address.removeprefix("replay:"))
    if address.startswith("w1:"):
        from drivers.transports.w1 import W1File  # thermometers are a canteen's and a test room's

        return W1File(address.removeprefix("w1:"))
    if address.startswith("usb-hid:"):
        from drivers.transports.hid import HidPort  # stations without USB devices do without pyusb

        return HidPort(address, admit, system)
    if address.startswith("listen:"):
        admit(Identity(address=address))
        return ListenPort(address)
    if address.startswith("evdev:"):
        from drivers.transports.evdev import InputPort  # most stations have no scanner of their own

        return InputPort(address, admit)
    if address.startswith("http:"):
        from drivers.transports.upload import UploadPort  # most stations have no instrument that uploads

        admit(Identity(address=address))
        return UploadPort(address)
    if address.startswith("ws:"):
        from drivers.transports.ws import WebSocketPort  # few scales have a computer of their own

        admit(Identity(address=address))
        return WebSocketPort(address)
    if address.startswith("folder:"):
        from drivers.transports.folder import FolderPort  # few instruments leave files

        return FolderPort(address)
    return SerialPort(address, link, admit, system)


def open_printer(address: str, link: Link, flow: Flow = "none") -> PrinterTransport:
    """Open ``/dev/…`` (serial, with these settings), ``usb:VID:PID[:SERIAL]``, ``tcp://host:9100`` or ``file:PATH``.

    Raises LinkLost, which says what to check.
    """
    if address.startswith("usb:"):
        from drivers.transports.usb_printer import UsbPrinter  # stations without USB printers do without pyusb

        return UsbPrinter(address)
    if address.startswith("file:"):
        return FilePrinter(address)
    if address.startswith("tcp://"):
        return NetworkPrinter(address)
    return SerialPrinter(address, link, flow)
