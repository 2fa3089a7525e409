"""What a case begins with: the recipe's image with our ear in it, bare or with marketedge."""

import shutil
from pathlib import Path

from edge.packaging.image import Image, make

UNIT = """\
[Unit]
DefaultDependencies=yes
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/box-agent.py
Restart=always
RestartSec=1
"""
# The box's own page, which listens on the loopback address alone, for a browser in front of the guest.
PAGE = 8081
SOCKET = f"[Socket]\nListenStream={PAGE}\n"
FORWARDS = "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:8080\n"


def bare(suite: str, folder: Path) -> Image:
    """A Debian without marketedge. Made once, kept in the folder."""
    return _kept(suite, folder) or make(suite, folder, more=("unattended-upgrades",), files=_files(folder))


def asking(suite: str, folder: Path, deb: Path) -> Image:
    """A whole box whose first start asks on its page. Made once, kept in the folder."""
    more = ("usbip", "overlayroot")
    return _kept(suite, folder) or make(suite, folder, more=more, deb=deb, settings=None, files=_files(folder))


def _kept(suite: str, folder: Path) -> Image | None:
    image = Image(folder / f"{suite}.ext4", folder / f"{suite}.kernel", folder / f"{suite}.initrd")
    return image if image.disk.exists() else None


def _files(folder: Path) -> Path:
    files = folder / "files"
    shutil.rmtree(files, ignore_errors=True)
    place = files / "usr/local/lib/box-agent.py"
    place.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("agent.py"), place)
    units = files / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "box-page.service").write_text(FORWARDS, "ascii")
    for name, text, target in (
        ("box-agent.service", UNIT, "multi-user.target"),
        ("box-page.socket", SOCKET, "sockets.target"),
    ):
        (units / name).write_text(text, "ascii")
        (units / f"{target}.wants").mkdir()
        (units / f"{target}.wants" / name).symlink_to(f"../{name}")
    return files
