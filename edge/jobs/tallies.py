"""Where the open shift and the day stand is saved when its time has come."""

from edge.jobs.timed import timed

timed("shift", lambda station: station.tally.to_save, lambda station: station.tally.save())
