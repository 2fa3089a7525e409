"""A whole box as a disk image: Debian by mmdebstrap, the package in it, and no key: that is made on the box itself."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from edge.packaging.wheels import CannotBuild
from protocol.frozen import frozen

SUITES = ("bookworm", "trixie")
PACKAGES = (
    *("systemd-sysv", "dbus", "udev", "kmod", "iproute2", "ca-certificates", "python3", "systemd-timesyncd"),
    *("libusb-1.0-0", "libgcc-s1", "libstdc++6", "linux-image-amd64"),
)
GIBIBYTE = 1 << 30


@frozen
class Image:
    """A disk with one ext4 file system, and the kernel and its first files beside it."""

    disk: Path
    kernel: Path
    initrd: Path


def make(
    suite: str, folder: Path, *, more: Iterable[str] = (), deb: Path | None = None, files: Path | None = None
) -> Image:
    """Build an image of a Debian in a folder; needs root and mmdebstrap.

    ``more`` are further packages, ``deb`` the marketedge to install, ``files`` a folder that is laid over the whole.
    Raises CannotBuild.
    """
    image = Image(folder / f"{suite}.ext4", folder / f"{suite}.kernel", folder / f"{suite}.initrd")
    tree = folder / f"{suite}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    hooks = [
        "echo marketedge > $1/etc/hostname",
        "printf '/dev/vda / ext4 noatime,errors=remount-ro 0 1\\n' > $1/etc/fstab",
        "printf '[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n' > $1/etc/systemd/network/80-dhcp.network",
        "chroot $1 systemctl enable systemd-networkd.service",
    ]
    if deb is not None:
        hooks += [f"copy-in {deb} /tmp", f"chroot $1 apt-get install -y --no-install-recommends /tmp/{deb.name}"]
    if files is not None:
        hooks += [f"sync-in {files} /"]
    _said(
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join((*PACKAGES, *more))}",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        *(f"--customize-hook={hook}" for hook in hooks),
        suite,
        str(tree),
    )
    for kind, place in (("vmlinuz", image.kernel), ("initrd.img", image.initrd)):
        (found, *_) = sorted((tree / "boot").glob(f"{kind}-*"), reverse=True)
        shutil.copy(found, place)
    image.disk.unlink(missing_ok=True)
    with image.disk.open("wb") as disk:
        disk.truncate(3 * GIBIBYTE)
    _said("mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-d", str(tree), str(image.disk))
    shutil.rmtree(tree)
    return image


def _said(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode:
        raise CannotBuild(f"{command[0]}: {done.stderr.strip()[-2000:]}")
