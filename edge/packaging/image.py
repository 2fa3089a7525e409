"""A whole box as a disk image: Debian by mmdebstrap, the package in it, and a station that is made at the first start.

No key is in the image: two boxes made of one image are two stations.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from edge.packaging.wheels import CannotBuild
from protocol.frozen import frozen

SUITES = ("bookworm", "trixie")
PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "kmod", "iproute2", "ca-certificates", "python3", "systemd-timesyncd"),
    *("libusb-1.0-0", "libgcc-s1", "libstdc++6", "linux-image-amd64", "e2fsprogs", "busybox", "zstd"),
)
SIZE = 3 << 30
STATION = "/var/lib/marketedge/stall"
SETTINGS = "/etc/marketedge/settings.toml"
FIRST = f"""\
[Unit]
Description=makes the station and its key, once
ConditionPathExists=!{STATION}/station.toml
Before=marketedge@stall.service

[Service]
Type=oneshot
{{how}}

[Install]
WantedBy=multi-user.target
"""
MADE = f"""\
ExecStart=/usr/bin/marketedge init {STATION} --job stall
ExecStart=/bin/sh -c 'cat {SETTINGS} >> {STATION}/station.toml'"""
ASKED = f"ExecStart=/usr/bin/marketedge setup --no-run {STATION}"


@frozen
class Image:
    """A disk with one ext4 file system, and the kernel and its first files beside it."""

    disk: Path
    kernel: Path
    initrd: Path


def make(
    suite: str,
    folder: Path,
    *,
    more: Iterable[str] = (),
    deb: Path | None = None,
    settings: str | None = "",
    files: Path | None = None,
) -> Image:
    """Build an image of a Debian in a folder; needs root and mmdebstrap.

    ``more`` are further packages, ``deb`` is the marketedge to install, with ``settings`` behind its station.toml; None
    has the first start ask on the page of ``marketedge setup``, at the address that the station then has.  ``files`` is
    a folder that is laid over the whole.  Raises CannotBuild.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = Image(folder / f"{suite}.ext4", folder / f"{suite}.kernel", folder / f"{suite}.initrd")
    hooks = [
        "echo marketedge > $1/etc/hostname",
        "printf '/dev/vda / ext4 noatime,errors=remount-ro 0 1\\n' > $1/etc/fstab",
        "printf '[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n' > $1/etc/systemd/network/80-dhcp.network",
        "chroot $1 systemctl enable systemd-networkd.service",
    ]
    with tempfile.TemporaryDirectory(dir=folder) as made:
        tree = Path(made) / "tree"
        if deb is not None:
            (Path(made) / "settings.toml").write_text(settings or "", "utf-8")
            first = FIRST.format(how=ASKED if settings is None else MADE)
            (Path(made) / "marketedge-first.service").write_text(first, "ascii")
            hooks += [
                f"copy-in {deb.resolve()} /tmp",
                f"chroot $1 apt-get install -y --no-install-recommends /tmp/{deb.name}",
                f"rm $1/tmp/{deb.name}",
                "mkdir -p $1/etc/marketedge",
                f"copy-in {made}/settings.toml /etc/marketedge",
                f"copy-in {made}/marketedge-first.service /etc/systemd/system",
                "chroot $1 systemctl enable marketedge-first.service marketedge@stall.service",
            ]
        if files is not None:
            hooks.append(f"sync-in {files} /")
        _said(
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join((*PACKAGES, *more))}",
            *(f"--customize-hook={hook}" for hook in hooks),
            suite,
            str(tree),
        )
        for kind, place in (("vmlinuz", image.kernel), ("initrd.img", image.initrd)):
            (found, *_) = sorted((tree / "boot").glob(f"{kind}-*"), reverse=True)
            shutil.copy(found, place)
        disk = Path(made) / "disk"
        with disk.open("wb") as file:
            file.truncate(SIZE)
        _said("mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-d", str(tree), str(disk))
        disk.rename(image.disk)
    return image


def _said(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        raise CannotBuild(f"{command[0]}: {done.stderr.strip()[-2000:]}")
