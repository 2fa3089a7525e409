"""A Debian that boots: QEMU with a kernel of its own, a small Pi's memory, and devices that are plugged in and out."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from images import PAGE

from edge.packaging.image import Image

HOST = "10.0.2.2"  # what QEMU's own network calls the machine's loopback address
KVM_CPU = "host,-arch-capabilities"
BOOT_SECONDS = 600.0
PATIENT = " systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900"
SLOWER = 8  # times, where QEMU has to do without the processor's help


def runs_a_kernel(image: Image) -> bool:
    """Whether /dev/kvm is here and does: on some nested machines a guest's kernel stands still, or QEMU ends."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    command = [*("qemu-system-x86_64", "-accel", "kvm", "-cpu", KVM_CPU, "-m", "256", "-display", "none")]
    command += ["-nodefaults", "-no-reboot", "-serial", "stdio", "-kernel", str(image.kernel)]
    try:  # a kernel without a root panics, and the machine ends
        done = subprocess.run(
            [*command, "-append", "console=ttyS0 panic=-1"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return False
    return b"Linux version" in done.stdout


class GuestFailed(AssertionError):
    """What was ordered did not happen; the message has the guest's words."""


class Guest:
    """Runs from ``__enter__`` to ``__exit__`` on a disk of its own over the image's."""

    devices = True

    def __init__(
        self, image: Image, goods: Path, folder: Path, *, fast: bool, memory: int = 512, page: int = 0, second: str = ""
    ) -> None:
        """``page`` is a port of this machine behind which the box's page stands; ``second`` the size of an empty
        second disk, /dev/vdc."""
        self.console = folder / "console.log"
        self._folder, self._image, self._goods, self._memory = folder, image, goods, memory
        self._disk, self._second, self._page = folder / "disk.qcow2", folder / "second.qcow2", page
        self._fast, self._patience = fast, 1 if fast else SLOWER
        self._asked = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: socket.socket | None = None
        self._heard = b""
        if not self._disk.exists():
            backing = ["-b", str(image.disk.resolve()), "-F", "raw"]
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(self._disk)], check=True)
        if second:
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(self._second), second], check=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pull_the_plug()

    def start(self) -> None:
        """Switch it on, and wait until it does what it is told."""
        for name in ("agent", "monitor"):
            (self._folder / name).unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                "qemu-system-x86_64",
                *(("-accel", "kvm", "-cpu", KVM_CPU) if self._fast else ("-accel", "tcg", "-cpu", "max")),
                *("-m", str(self._memory), "-smp", "1", "-display", "none", "-nodefaults", "-nic", self._network()),
                *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
                *("-append", f"root=/dev/vda rw console=ttyS0 quiet panic=-1{'' if self._fast else PATIENT}"),
                *("-drive", f"file={self._disk},if=virtio,format=qcow2"),
                *("-drive", f"file={self._goods},if=virtio,format=raw,readonly=on"),
                *(("-drive", f"file={self._second},if=virtio,format=qcow2") if self._second.exists() else ()),
                *(
                    "-device",
                    "virtio-serial",
                    "-chardev",
                    f"socket,id=agent,path={self._folder}/agent,server=on,wait=off",
                ),
                *("-device", "virtserialport,chardev=agent,name=box"),
                *("-device", "qemu-xhci", "-serial", f"file:{self.console}"),
                *("-qmp", f"unix:{self._folder}/monitor,server=on,wait=off"),
            ]
        )
        self._agent, self._heard = socket.socket(socket.AF_UNIX), b""
        while True:
            try:
                self._agent.connect(f"{self._folder}/agent")
                break
            except OSError:
                if self._process.poll() is not None:
                    raise GuestFailed("QEMU has ended") from None
                time.sleep(0.05)
        self._wait_for_it()

    def pull_the_plug(self) -> None:
        """The power is gone, whatever it was doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def reboot(self) -> None:
        """As a person orders it; returns when it does again what it is told."""
        before = self.does("cat /proc/sys/kernel/random/boot_id")
        self.does("systemctl --no-block reboot")
        self._wait_for_it(before)

    def does(self, command: str, *, seconds: float = 300.0) -> str:
        """Run as root; answers what it printed. Raises GuestFailed when it failed."""
        code, out, err = self.tries(command, seconds=seconds)
        if code:
            raise GuestFailed(f"{command}: {code}\n{out}{err}")
        return out.strip()

    def tries(self, command: str, *, seconds: float = 300.0) -> tuple[int, str, str]:
        """Run as root; answers its exit code and what it printed, on both ways."""
        self._asked += 1
        seconds *= self._patience
        order = {"id": self._asked, "run": command, "seconds": seconds}
        assert self._agent is not None
        self._agent.settimeout(seconds + 5)
        self._agent.sendall(json.dumps(order).encode() + b"\n")
        while True:
            while b"\n" not in self._heard:
                if not (more := self._agent.recv(65536)):
                    raise GuestFailed(f"{command}: the machine is gone")
                self._heard += more
            line, _, self._heard = self._heard.partition(b"\n")
            said = json.loads(line)
            if said["id"] == self._asked:
                return said["code"], said["out"], said["err"]

    def waits_for(self, command: str, seconds: float = 120.0) -> str:
        """Until a command succeeds; answers what it printed."""
        end = time.monotonic() + seconds * self._patience
        while True:
            code, out, err = self.tries(command)
            if code == 0:
                return out.strip()
            if time.monotonic() > end:
                raise GuestFailed(f"{command}: not within {seconds:.0f} s\n{out}{err}")
            time.sleep(0.5)

    def leaves_running(self, command: str) -> Path:
        """A command that goes on; answers the host's file in which stands what it says, at once."""
        self.does(f"({command} > /dev/ttyS0 2>/dev/null &)")
        return self.console

    def mount_goods(self) -> None:
        """After each start."""
        self.does("mkdir -p /goods && mount -o ro /dev/vdb /goods")

    def plug(self, name: str, port: int) -> None:
        """Plug a USB serial adapter in whose wire ends at a TCP port of the host."""
        chardev = {"backend": {"type": "socket", "data": _tcp(port)}}
        self._monitor("chardev-add", id=f"wire-{name}", **chardev)
        self._monitor("device_add", driver="usb-serial", id=name, chardev=f"wire-{name}", serial=f"ME{name}")

    def unplug(self, name: str) -> None:
        """Pull the adapter out."""
        self._monitor("device_del", id=name)

    def attach(self, port: int) -> None:
        """Plug in the USB device that a port of this machine offers by USB/IP, or is about to: for the guest's kernel
        it is one."""
        self.waits_for(f"modprobe vhci-hcd && usbip --tcp-port {port} attach -r {HOST} -b 1-1")

    def _network(self) -> str:
        return f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self._page}-:{PAGE}" if self._page else "none"

    def _monitor(self, what: str, **arguments: Any) -> None:
        with socket.socket(socket.AF_UNIX) as port:
            port.settimeout(30)
            port.connect(f"{self._folder}/monitor")
            with port.makefile("rwb") as lines:
                lines.readline()
                for order in ({"execute": "qmp_capabilities"}, {"execute": what, "arguments": arguments}):
                    lines.write(json.dumps(order).encode() + b"\n")
                    lines.flush()
                    while "event" in (said := json.loads(lines.readline())):
                        pass
                    if "error" in said:
                        raise GuestFailed(f"{what} {arguments}: {said['error']['desc']}")

    def _wait_for_it(self, not_this: str = "") -> None:
        end = time.monotonic() + BOOT_SECONDS * self._patience
        while True:
            try:
                _, boot, _ = self.tries("cat /proc/sys/kernel/random/boot_id", seconds=5)
                if boot.strip() != not_this:
                    break
            except (OSError, ValueError, GuestFailed):
                pass
            if time.monotonic() > end:
                tail = self.console.read_text("utf-8", "replace")[-2000:] if self.console.exists() else ""
                raise GuestFailed(f"it did not start within {BOOT_SECONDS * self._patience:.0f} s\n{tail}")
            time.sleep(0.3)


def _tcp(port: int) -> dict[str, Any]:
    address = {"type": "inet", "data": {"host": "127.0.0.1", "port": str(port)}}
    return {"addr": address, "server": False, "reconnect": 1}
