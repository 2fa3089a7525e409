"""Which certificate the pages are served with, as station.toml says."""

from functools import partial

from edge.config.sections import Config
from edge.records.box_names import box_names
from edge.records.certificates import FOLDER, Served


def served_of(config: Config) -> Served:
    """The files, for a station whose pages are encrypted."""
    web = config.web
    if web.tls == "files":
        assert web.cert_file is not None
        return Served(web.cert_file, web.key_file, None)
    return Served.own(config.station.key.parent / FOLDER, partial(box_names, web.listen, web.allow))
