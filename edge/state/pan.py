"""What of the load on a canteen's scale is counted already: each load counts once, without a sale's empty pan between.

Goods come in loads: one is put on, counted, taken off; or crate is stacked on crate.  A load that was counted lies
there *counted* until it was seen to leave: the scale said less than Min, gross or without saying which.  What lies
there then is a new load.  More than was counted, by Min or more, is what was stacked on it, and counts by the
difference.  Anything else is the same load, and counts no more.

A net weight is that of an empty pan only where a net weight was counted, and then only for further net weights: the
tare key on a counted load empties nothing.  After a restart nobody saw what happened meanwhile: what was counted then,
and lies there with another weight, has to leave first.
"""

from dataclasses import replace

from edge.between.fixed_words import PanWhy
from protocol.frozen import frozen


@frozen
class Counted:
    """The load that was counted last: what the scale said in grams, whether that was net, and the load's number.

    ``before_g`` lay there when it came; ``load`` is the row of the delivery's load.
    """

    g: int
    net: bool
    before_g: int
    load: int


class Pan:
    """Of one scale. ``min_g`` is its Min, ``e_g`` the step it has at the end of its range."""

    def __init__(self, min_g: int, e_g: int) -> None:
        self._min, self._e = min_g, e_g
        self.counted: Counted | None = None
        self.blind = False  # a restart lies between what was counted and now
        self._net_only = False  # it was seen empty by a net weight only
        self._before: tuple[Counted | None, bool, bool] = (None, False, False)

    def said(self, g: int | None, *, net: bool) -> None:
        """The scale said this many grams, or less than nothing (None); still or moving."""
        if self.counted is None and not self._net_only:
            return
        if g is not None and g >= self._min:
            return
        if not net:
            self.counted, self._net_only, self.blind = None, False, False
        elif self.counted is not None and self.counted.net:
            self.counted, self._net_only, self.blind = None, True, False

    def exchanged(self) -> None:
        """A scale that states each load once stated another one."""
        self.counted, self._net_only, self.blind = None, False, False

    def why_not(self, g: int, *, net: bool) -> PanWhy:
        """Why what lies there now, a still weight, is no new load; falsy when it is."""
        if self._net_only and not net:
            return PanWhy.OFF_FIRST
        if self.counted is None:
            return PanWhy.FINE
        more = g - self.counted.g
        if net != self.counted.net or (self.blind and abs(more) >= self._e):
            return PanWhy.OFF_FIRST
        return PanWhy.FINE if more >= max(self._min, self._e) else PanWhy.COUNTED

    def before_g(self) -> int:
        """What of the load there is counted already, where it is a new one."""
        return self.counted.g if self.counted is not None else 0

    def count(self, g: int, *, net: bool, load: int) -> None:
        """What lies there is counted as this load."""
        self._before = self.counted, self.blind, self._net_only
        self.counted, self.blind, self._net_only = Counted(g, net, self.before_g(), load), False, False

    def uncounted(self) -> None:
        """It was not written down after all."""
        self.counted, self.blind, self._net_only = self._before

    def taken_back(self, load: int) -> None:
        """A person took this load off the list: while it lies there it can be counted anew."""
        if self.counted is None or self.counted.load != load:
            return
        self._before = self.counted, self.blind, self._net_only
        before = self.counted
        self.counted = replace(before, g=before.before_g, before_g=0, load=0) if before.before_g else None
