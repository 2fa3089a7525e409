"""A photo came: it may be named by a record from now on."""

from edge.between.photo_commands import KeepPhoto, PhotoAnswer
from edge.jobs.doing import does
from edge.state.station import Station


def keep(station: Station, command: KeepPhoto) -> PhotoAnswer:
    """Raises Refused when the file is not here, or the day's photos are full."""
    station.photos.keep(command.sha256, command.size)
    return PhotoAnswer(sha256=command.sha256)


does(KeepPhoto, keep)
