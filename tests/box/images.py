"""The bare Debian that a case begins with: the recipe's image with our ear in it, and without marketedge."""

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


def bare(suite: str, folder: Path) -> Image:
    """Made once, kept in the folder."""
    image = Image(folder / f"{suite}.ext4", folder / f"{suite}.kernel", folder / f"{suite}.initrd")
    if image.disk.exists():
        return image
    files = folder / "files"
    shutil.rmtree(files, ignore_errors=True)
    place = files / "usr/local/lib/box-agent.py"
    place.parent.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("agent.py"), place)
    units = files / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    (units / "box-agent.service").write_text(UNIT, "ascii")
    (units / "multi-user.target.wants/box-agent.service").symlink_to("../box-agent.service")
    return make(suite, folder, more=("unattended-upgrades",), files=files)
