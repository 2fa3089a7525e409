"""How label scales of each wire format behave: a file a format, each with ``simulate()``."""
