"""A Debian that boots in a container (systemd-nspawn): quick, on the host's kernel, without devices or a power cut."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from guest import GuestFailed

from edge.packaging.image import Image

BOOT_SECONDS = 120.0
# What stands for the kernel's command line: Debian 13 on a host whose control groups are of the old kind.
OLD_GROUPS = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"


class Container:
    """As ``Guest``, on a copy of the image's disk."""

    devices = False

    def __init__(self, image: Image, goods: Path, folder: Path, wires: Mapping[str, str] | None = None) -> None:
        """``wires`` are ptys of this machine, to be had under /wires."""
        self._wires = [f"--bind={pty}:/wires/{name}" for name, pty in (wires or {}).items()]
        self._folder, self._tree = folder, folder / "tree"
        self._disk, self._goods = folder / "disk.ext4", folder / "goods"
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(["cp", "--sparse=always", str(image.disk), str(self._disk)], check=True)
        for place, disk, how in ((self._tree, self._disk, "loop"), (self._goods, goods, "loop,ro")):
            place.mkdir()
            subprocess.run(["mount", "-o", how, str(disk), str(place)], check=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pull_the_plug()
        for place in (self._tree, self._goods):
            subprocess.run(["umount", str(place)], check=False)

    def start(self) -> None:
        """Start it, and wait until its systemd has started what there is."""
        old = (
            []
            if Path("/sys/fs/cgroup/cgroup.controllers").exists()
            else [f"--setenv=SYSTEMD_PROC_CMDLINE={OLD_GROUPS}"]
        )
        with (self._folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                [
                    *("systemd-nspawn", "--quiet", "--boot", f"--directory={self._tree}", "--keep-unit"),
                    *("--register=no", "--private-network", "--console=pipe", f"--bind-ro={self._goods}:/goods"),
                    *("--system-call-filter=adjtimex clock_adjtime", *old, *self._wires),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self.waits_for("systemctl is-system-running | grep -q 'running\\|degraded'", BOOT_SECONDS)

    def pull_the_plug(self) -> None:
        """Every process of it is killed."""
        if (leader := self._leader()) is not None:
            os.kill(leader, 9)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def reboot(self) -> None:
        """As a person orders it: systemd-nspawn then ends, to be started again."""
        self.does("systemctl --no-block reboot")
        assert self._process is not None
        self._process.wait(BOOT_SECONDS)
        self.start()

    def does(self, command: str, *, seconds: float = 300.0) -> str:
        """Run as root; answers what it printed. Raises GuestFailed when it failed."""
        code, out, err = self.tries(command, seconds=seconds)
        if code:
            raise GuestFailed(f"{command}: {code}\n{out}{err}")
        return out.strip()

    def tries(self, command: str, *, seconds: float = 300.0) -> tuple[int, str, str]:
        """Run as root; answers its exit code and what it printed, on both ways."""
        if (leader := self._leader()) is None:
            return -1, "", "it does not run"
        done = subprocess.run(
            [*self._inside(leader), command], capture_output=True, text=True, errors="replace", timeout=seconds
        )
        return done.returncode, done.stdout, done.stderr

    def waits_for(self, command: str, seconds: float = 120.0) -> str:
        """Until a command succeeds; answers what it printed."""
        end = time.monotonic() + seconds
        while True:
            code, out, err = self.tries(command)
            if code == 0:
                return out.strip()
            if time.monotonic() > end:
                raise GuestFailed(f"{command}: not within {seconds:.0f} s\n{out}{err}")
            time.sleep(0.3)

    def leaves_running(self, command: str) -> Path:
        """A command that goes on; answers the host's file in which stands what it says, at once."""
        leader, said = self._leader(), self._folder / "said"
        assert leader is not None
        with said.open("wb") as out:
            subprocess.Popen([*self._inside(leader), command], stdout=out, stderr=subprocess.DEVNULL)
        return said

    def mount_goods(self) -> None:
        """They are there."""

    @staticmethod
    def _inside(leader: int) -> list[str]:
        enter = shutil.which("nsenter") or "nsenter"
        return [enter, "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "/bin/sh", "-c"]

    def _leader(self) -> int | None:
        """Its process 1, as the host counts."""
        if self._process is None:
            return None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            for pid in children.read_text("ascii").split():
                if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith((b"systemd", b"init")):
                    return int(pid)
        except OSError:
            pass
        return None
