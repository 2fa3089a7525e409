"""What to do when the system does not let us open a device."""

import grp
import stat
from pathlib import Path


def next_step(path: str, usual: str) -> str:
    """Names the group that may open this device; ``usual`` where the device does not say, or belongs to root alone."""
    group = usual
    try:
        found = Path(path).stat()
        if stat.S_ISCHR(found.st_mode) and found.st_gid and found.st_mode & 0o060 == 0o060:
            group = grp.getgrgid(found.st_gid).gr_name
    except (OSError, KeyError, ValueError):
        pass
    return f"add the service's user to the group {group} (usermod -aG {group} USER) and restart the service"
