"""What a start and a busy hour leave behind in memory is given back, half a minute after the start and ever again."""

from edge.between.heap import give_back
from edge.jobs.timed import timed

timed("heap", lambda station: True, lambda station: give_back())
