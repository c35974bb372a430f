"""The page itself: every part of the report put into one HTML file that asks nobody for anything."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from core.run.events import TermInfo
from core.run.link import RunLink
from distill_tui.differences import spelled
from distill_tui.format import plural
from distill_tui.report.balance import balance_view
from distill_tui.report.charts import Chart, curve, drawn, term_chart
from distill_tui.report.clips import Clip, clips, fewer, scores
from distill_tui.report.landscape import LandscapeView, landscape_view
from distill_tui.report.latent import SHADES, latent_view
from distill_tui.report.listening import cards, in_order
from distill_tui.report.machine import machine_view
from distill_tui.report.marks import KINDS, Mark, marks_of
from distill_tui.report.record import Record, gather
from distill_tui.report.settings import config_view
from distill_tui.report.story import story

if TYPE_CHECKING:
    from jinja2 import Environment

GENERATOR = "distill-tui report"  # in the page's head, so that an earlier report may be replaced and nothing else
MEGABYTE = 1_000_000
PLAYER_BYTES = 1500  # about what a sound takes beside its address
OTHERS = (("learning_rate", "learning rate"), ("kl_weight", "beta"), ("grad_norm", "gradient norm"))


@dataclass(frozen=True)
class Page:
    """A finished page, how many sounds it holds, and how many had to be left out."""

    html: str
    sounds: int
    left_out: int


def report(link: RunLink, max_mb: float, *, private: bool = False) -> Page:
    """The page of what `link` knows now, at most `max_mb` megabytes as far as leaving sounds out can bring that about.

    A `private` one names neither the host nor folders. Blocks on disk or line. Raises LinkError where the run cannot
    be read.
    """
    record = gather(link, private=private)
    landscape = landscape_view(link)
    limit = int(max_mb * MEGABYTE)
    wanted = in_order(record)
    tunes = scores(wanted, link.fetch)
    silent = render(record, landscape, clips(wanted, link.fetch, 0, tunes), max_mb)
    found = clips(wanted, link.fetch, limit - _size(silent) - PLAYER_BYTES * len(wanted), tunes)
    html = render(record, landscape, found, max_mb)
    while (excess := _size(html) - limit) > 0 and any(clip.address for clip in found.values()):
        found = fewer(found, excess)  # players may take more than was thought
        html = render(record, landscape, found, max_mb)
    heard = sum(bool(clip.address) for clip in found.values())
    return Page(html, heard, len(found) - heard)


def render(record: Record, landscape: LandscapeView | None, found: Mapping[str, Clip], max_mb: float) -> str:
    """The page as text."""
    marks = marks_of(record)
    style, script = _static("report.css"), _static("charts.js") + _static("player.js")
    return _environment().get_template("report.html").render(
        generator=GENERATOR, style=_own(style), script=_own(script), policy=policy(style, script),
        story=story(record), charts=_charts(record, marks), total=_total(record, marks), marks=_legend(marks),
        balance=balance_view(record), latent=latent_view(record), landscape=landscape, config=config_view(record),
        machine=machine_view(record), previews=cards(record, found, f"{max_mb:g} MB"), shades=SHADES,
        plural=plural, newest=record.newest,
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """The page's own Content-Security-Policy: its one style, its one script, sounds within it, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def _total(record: Record, marks: list[Mark]) -> Chart | None:
    terms = record.state.started.terms if record.state.started else ()
    return term_chart(record, terms[0], marks, tall=True) if terms else None


def _charts(record: Record, marks: list[Mark]) -> list[tuple[str, list[Chart]]]:
    """(group, its charts) in the recipe's order, then what else was logged of the training."""
    terms: tuple[TermInfo, ...] = record.state.started.terms[1:] if record.state.started else ()
    told = [mark for mark in marks if mark.kind not in ("checkpoint", "preview")]
    made = [chart for term in terms if (chart := term_chart(record, term, told))]
    groups: dict[str, list[Chart]] = {}
    for group, members in groupby(made, key=lambda chart: chart.group):
        groups.setdefault(group, []).extend(members)
    others = [
        chart for name, title in OTHERS
        if (chart := drawn(record, name, title, [curve(record.curve(name), title, "other")], told))
    ]  # fmt: skip
    found = [(spelled(group), members) for group, members in groups.items()]
    return [*found, *([("training", others)] if others else [])]


def _legend(marks: list[Mark]) -> list[tuple[str, str]]:
    """(kind, what it is) of the marks that there are."""
    there = {mark.kind for mark in marks}
    return [(kind, words) for kind, words in KINDS.items() if kind in there]


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def _size(html: str) -> int:
    return len(html.encode("utf-8", "backslashreplace"))


def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


def _own(text: str) -> str:
    """Our own style or script, which is not to be escaped."""
    from markupsafe import Markup

    return Markup(text)  # nothing of a run is in it


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
