"""What root makes in a station's folder is given to the user whose folder it is: the service reads it as that user."""

import os
from functools import partial
from pathlib import Path

import click


def of(path: Path) -> tuple[int, int]:
    """User and group of this folder, or of the nearest one above that there is."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    about = place.stat()
    return about.st_uid, about.st_gid


def give(folder: Path, uid: int, gid: int) -> None:
    """What in this folder is root's becomes that user's; what a link points to and what also stands elsewhere stays."""
    if not folder.is_dir():
        return
    for _, _, files, here in os.fwalk(folder):
        if os.fstat(here).st_uid == 0:
            os.fchown(here, uid, gid)
        for name in files:
            about = os.stat(name, dir_fd=here, follow_symlinks=False)
            if about.st_uid == 0 and about.st_nlink == 1:
                os.chown(name, uid, gid, dir_fd=here, follow_symlinks=False)


def to_its_owner(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """A callback of click for what names the station, its folder or its configuration: given when the command ends."""
    folder = value if param.name == "folder" else value.parent
    if os.geteuid() == 0 and (owner := of(folder))[0]:
        ctx.call_on_close(partial(give, folder, *owner))
    return value
