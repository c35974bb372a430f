"""The page that plays a run's previews in a browser, newest first: HTML without a script or a style in it."""

import re
from collections.abc import Iterable
from html import escape

from core.run.events import PreviewEvent
from core.run.link import RunInfo
from core.run.state import RunState
from distill_tui.format import clean, count, number, percent
from distill_tui.panels.preview_notice import empty_line
from distill_tui.panels.preview_order import key_of, listed

HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/{name}.css">
<script src="static/{name}.js" defer></script>
{more}</head>
"""
PAGE = """\
{head}<body>
<header><h1>{title}</h1><p id="standing">{standing}</p>{screen}</header>
<main id="previews" data-count="{count}">
{sections}</main>
<p id="empty">{empty}</p>
</body>
</html>
"""


def page(state: RunState, info: RunInfo, *, screen: bool) -> str:
    """The whole page; `screen` says that the monitor itself is to be had beside it."""
    title = clean(info.name)
    return PAGE.format(
        head=head(title, "listen"),
        title=escape(title),
        standing=escape(standing(state)),
        screen='<p><a href="./">the monitor</a></p>' if screen else "",
        count=len(state.previews),
        sections=sections(state, 0),
        empty=escape(empty(state, info)),
    )


def head(title: str, name: str, more: str = "") -> str:
    """The beginning of a page up to its body: its style and script are static/NAME.css and NAME.js; `more` is HTML."""
    return HEAD.format(title=escape(title), name=name, more=more)


def news(state: RunState, info: RunInfo, after: int) -> dict[str, str | int]:
    """What an open page that has the first `after` previews asks for every few seconds."""
    return {"standing": standing(state), "empty": empty(state, info), "count": len(state.previews),
            "sections": sections(state, after)}  # fmt: skip


def empty(state: RunState, info: RunInfo) -> str:
    """In place of previews, while there are none."""
    return "" if state.previews else empty_line(state.status, info, keys=False)


def standing(state: RunState) -> str:
    """How the run stands, in one line."""
    words: list[str] = [state.status]
    if state.step is not None:
        words += [f"epoch {count(state.step.epoch)}", f"step {count(state.step.step)}", percent(state.progress)]
    return " · ".join(words)


def sections(state: RunState, after: int) -> str:
    """The steps of which a preview was made that is not among the first `after`, newest first, each whole."""
    news = {preview.step for preview in state.previews[after:]}
    numbers = {key_of(preview): index for index, preview in enumerate(state.previews)}
    steps: dict[int, list[PreviewEvent]] = {}
    for preview in listed(state.previews).values():
        if preview.step in news:
            steps.setdefault(preview.step, []).append(preview)
    return "".join(_section(step, group, numbers) for step, group in steps.items())


def file_name(preview: PreviewEvent) -> str:
    """What a browser calls the sound when it saves it."""
    words = f"epoch-{preview.epoch}-{preview.kind}-{preview.name}"
    return re.sub(r"[^A-Za-z0-9._-]+", "_", words)[:100] + ".wav"


def _section(step: int, previews: Iterable[PreviewEvent], numbers: dict[str, int]) -> str:
    rows = [_row(preview, numbers[key_of(preview)]) for preview in previews]
    epoch = next(iter(previews)).epoch
    title = f"<h2>Epoch {epoch} <small>step {count(step)}</small></h2>"
    return f'<section id="step-{step}">{title}\n{"".join(rows)}</section>\n'


def _row(preview: PreviewEvent, index: int) -> str:
    name = clean(preview.name) or clean(preview.audio_path)
    facts = [f"{preview.seconds:.2f} s"]
    if preview.mrstft is not None:
        facts.append(f"MRSTFT {number(preview.mrstft)}")
    if preview.likeness:
        facts.append(clean(preview.likeness))
    kind = clean(preview.kind)
    label = f"{kind} of {name}" if kind != "sample" else f"sample {name}"
    return (
        f'<div><span class="kind">{escape(kind)}</span> <span class="name">{escape(name)}</span> '
        f'<span class="facts">{escape(" · ".join(facts))}</span>\n'
        f'<audio controls preload="none" src="sound/{index}.wav" aria-label="{escape(label)}"></audio></div>\n'
    )
