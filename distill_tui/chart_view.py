"""Which steps a chart shows: zoom, pan and follow as one small value."""

from dataclasses import dataclass

from distill_tui.axes import Steps, steps_axis

NARROWEST = 16  # steps of the closest view


@dataclass(frozen=True)
class View:
    """`span` steps from `lo` on. Without `lo` it follows the newest step; without `span` it holds the whole run.

    Every method takes the `newest` step of the watched run, which is what is followed, and the `longest` that any of
    the drawn runs has, which is how far there is something to see.
    """

    span: int | None = None
    lo: int | None = None

    def steps(self, newest: int, longest: int, dots: int) -> Steps:
        """The x axis of this view, `dots` columns of dots wide."""
        return steps_axis(longest if self.span is None else newest, dots, span=self.span, lo=self.lo)

    def zoomed(self, direction: int, newest: int, longest: int, about: int | None = None) -> "View":
        """Half (1) or twice (-1) as many steps.

        The step `about` keeps its place on the screen; without one, or with one that is still to come, the newest
        steps stay in view if they are followed, else the middle does.
        """
        former = self.steps(newest, longest, 1)
        if direction > 0:
            span = _power_of_two(former.span - 1)
            if span < NARROWEST:
                return self
        elif self.span is None:
            return self
        else:
            span = self.span * 2
        if span > longest + 1:
            return View()
        if about is not None and about <= longest:
            return View(span, max(0, round(about - (about - former.lo) * span / former.span)))
        return View(span, None if self.lo is None else max(0, self.lo + (former.span - span) // 2))

    def panned(self, steps: int, newest: int, longest: int) -> "View":
        """So many steps later (negative: earlier); past the newest it follows again."""
        if self.span is None:
            return self
        return self._at(self.steps(newest, longest, 1).lo + steps, newest, longest)

    def holding(self, step: int, newest: int, longest: int) -> "View":
        """The view moved on by quarters until `step` lies in it."""
        former = self.steps(newest, longest, 1)
        if self.span is None or former.lo <= step < former.hi:
            return self
        quarter = max(1, self.span // 4)
        if step < former.lo:
            return self._at(former.lo - -(-(former.lo - step) // quarter) * quarter, newest, longest)
        return self._at(former.lo + ((step - former.hi) // quarter + 1) * quarter, newest, longest)

    def followed(self) -> "View":
        """Keep to the newest steps; when these are followed already, the whole run."""
        return View(self.span) if self.lo is not None else View()

    def _at(self, lo: int, newest: int, longest: int) -> "View":
        last = steps_axis(longest, 1, span=self.span).lo
        if lo >= last:
            return View(self.span, None if longest <= newest else last)
        return View(self.span, max(0, lo))


def _power_of_two(value: int) -> int:
    """The largest power of two that is not above `value`."""
    return 1 << max(0, value.bit_length() - 1)
