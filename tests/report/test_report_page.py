"""What a report says, and that it says it of any run: whole, escaped, and within its size."""

import base64
import io
import json
import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from core.insight.landscape_record import FOLDER, JSON_NAME, Landscape, Line, Surface, encode
from core.midi.files import midi_bytes
from core.midi.vocabulary import Note
from core.run.events import AlertStarted, EpochMetrics, NoteAdded, PreviewEvent, Reported, RunStarted
from core.run.link import LinkError
from distill_tui.report.page import Page, report
from distill_tui.report.record import gather
from distill_tui.report.story import story
from tests.cli.web_runs import samples
from tests.fakes import FakeLink, many_terms
from tests.report.made_up_runs import HOSTILE, SoundingLink, eventful

ARTIFACT = f"{FOLDER}/{JSON_NAME}"


class Reading(HTMLParser):
    """The text of a page, the addresses in it, and whether every element is closed where it should be."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.addresses, self.ids, self.open = "", [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.addresses += [found[name] for name in ("src", "href", "action", "data") if found.get(name)]
        self.ids += [found["id"]] if "id" in found else []
        assert "style" not in found  # the page's own policy would not let it
        assert not any(name.startswith("on") for name in found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += " " + " ".join(data.split())


def test_it_tells_everything_that_happened() -> None:
    link = eventful()
    page = Reading(report(link, 20).html)
    for words in (
        "bells-03", "Still training at epoch 41 of 200, step 1,288", "best, validation total at epoch",
        "cuda:0 of box", "44 files to train on", "distill-tui train --config config.toml",
        "Overfitting since epoch 37", "Over at step 1,224, epoch 39.", "Still so.",
        "KL weight max: 0.01 → 0.005", "Halve the learning rate", "Because of: Diverging.",
        "Taken back at step 1,288.", "Back to step 900", "heard the gong", "one listener was dropped",
        "old/broken.wav", "not audio (empty file)", "GPU memory", "41 of 64 dimensions active", "MRSTFT 1.42",
        "weight_max = 0.005", "1 setting not as the preset has it", "12 held-out chunks of 12 files",
    ):  # fmt: skip
        assert words in page.text, words
    assert len(set(page.ids)) == len(page.ids)


def test_nothing_in_it_leads_anywhere_else() -> None:
    page = Reading(report(eventful(), 20).html)
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    targets = {address[1:] for address in page.addresses if address.startswith("#")}
    assert targets <= set(page.ids)


def test_text_of_files_is_text() -> None:
    link = eventful(HOSTILE)
    link.terms = link.terms[:1] + tuple(
        type(term)(term.name, HOSTILE, HOSTILE, True, HOSTILE) for term in link.terms[1:]
    )
    link.stored[0] = type(link.stored[0])(1, link.stored[0].time, link._started())
    link.emit(AlertStarted("x", "x", "warning", HOSTILE, HOSTILE, HOSTILE, 5, 1))
    html = report(link, 20).html
    page = Reading(html)
    assert html.count("<script>") == 1
    assert html.count("</style>") == 1
    assert "<script>document.title = 'taken'</script></style>\"'&[2J" in page.text
    assert "\x1b" not in html
    assert "\u202e" not in html


@pytest.mark.parametrize("steps", [0, 1, 2, 31, 32])
def test_a_run_that_has_hardly_begun(steps: int) -> None:
    html = report(SoundingLink(steps=steps, live=False), 20).html
    page = Reading(html)
    assert "Stopped without notice" in page.text
    assert ('data-row="train"' in html) == (steps > 0)
    assert "NaN" not in page.text


def test_a_run_that_no_trainer_has_taken_yet() -> None:
    link = SoundingLink(steps=0, live=False)
    link.stored = []
    link.read = lambda after=0: []  # type: ignore[method-assign]
    assert "Has not been trained yet" in Reading(report(link, 20).html).text


def test_a_failed_run_says_why() -> None:
    link = SoundingLink(steps=100)
    link.complete("failed", "out of memory on cuda:0; lower batch_size")
    page = Reading(report(link, 20).html)
    assert "Failed at epoch 4, step 100" in page.text
    assert "out of memory on cuda:0; lower batch_size" in page.text


def test_losses_that_are_not_finite_are_marked_and_break_nothing() -> None:
    link = SoundingLink(steps=300, curve=lambda term, step: math.nan if step > 200 else 1.0 + step)
    html = report(link, 20).html
    assert "not finite around step" in html
    total = json.loads(unescape(re.findall(r'data-chart="([^"]*)"', html)[0]))["rows"][0]
    assert [value is None for value in total["values"]] == [step > 200 for step in total["steps"]]
    assert re.findall(r'<b data-row="train">([^<]*)</b>', html)[0] == "NaN"  # as it is now, not as it last was
    assert "nan" not in "".join(re.findall(r' d="([^"]*)"', html)).lower()


def test_many_terms_are_many_charts() -> None:
    page = Reading(report(SoundingLink(steps=600, terms=many_terms(40)), 20).html)
    assert all(f"term {number:02d}" in page.text for number in range(40))


def test_a_run_that_cannot_be_read_is_an_error() -> None:
    link = SoundingLink(steps=0, live=False, trouble_line="box: cannot be reached")
    link.stored = []
    link.read = lambda after=0: []  # type: ignore[method-assign]
    with pytest.raises(LinkError, match="cannot be reached"):
        report(link, 20)


def test_one_warning_told_at_every_resume_is_one() -> None:
    link = FakeLink(steps=300)
    for _ in range(3):
        link.warn()
        link.emit(link._started())
    told = story(gather(link)).alerts
    assert len(told) == 1
    assert "Told again in 2 later sessions." in told[0].details


def test_sounds_are_on_the_page_to_the_bit() -> None:
    html = report(SoundingLink(steps=320), 20).html
    found = re.findall(r'src="data:audio/flac;base64,([^"]+)" aria-label="reconstruction tabla_na, epoch (\d+)"', html)
    assert [epoch for _, epoch in found] == ["10", "5"]
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(found[0][0])), dtype="int16", always_2d=True)
    path = "previews/0010-reconstruction-tabla_na.wav"
    assert rate == 8000
    assert np.array_equal(sound, samples(sum(path.encode()), frames=12_000))


def test_it_stays_within_its_size_and_says_what_is_left_out() -> None:
    link = SoundingLink(steps=320 * 8, frames=48_000)
    page = report(link, 1)
    assert len(page.html.encode()) <= 1_000_000
    assert page.left_out > 20
    text = Reading(page.html).text
    assert (
        f"{page.left_out} of {page.left_out + page.sounds} sounds are left out, so that the page stays within 1 MB"
        in text
    )
    heard = re.findall(r'src="data:[^"]+" aria-label="([^"]+)"', page.html)
    assert {"original of tabla_na", "reconstruction tabla_na, epoch 80", "sample fixed 7, epoch 80"} <= set(heard)
    assert len(link.fetched) < 20  # what has no room is not even asked for over a line


def test_sounds_that_cannot_be_read_are_said() -> None:
    link = SoundingLink(steps=160)
    link.files = {"previews/0005-reconstruction-tabla_na.wav": b"RIFF"}
    page = report(link, 20)
    assert page.sounds == 2
    assert "1 could not be read from the run folder." in Reading(page.html).text


def test_tunes_are_shown_as_notes_to_one_scale_even_where_their_sound_is_left_out() -> None:
    tune = midi_bytes([Note(0, 32, 60, 3), Note(64, 96, 71, 3)], 1.5)
    link = SoundingLink(steps=0, files={"previews/o.mid": tune, "previews/r.mid": tune, "previews/bad.mid": b"MThd"})
    for kind, name in (("original", "o"), ("reconstruction", "r"), ("sample", "bad")):
        pair = "" if kind == "sample" else "jig"
        likeness = "" if kind == "original" else "notes 0.71"
        link.emit(PreviewEvent(1, f"previews/{name}.wav", 8000, 10, kind, "jig", pair, 1.5, peaks=(0.1, 0.9, 0.2),
                               score_path=f"previews/{name}.mid", likeness=likeness))  # fmt: skip
    for size in (20, 0.01):
        html = report(link, size).html
        first, second = re.findall(r'class="notes" d="([^"]+)"', html)
        assert first == second
        assert first.startswith("M0 ")
        assert first.count("M") == 2
        assert html.count('class="waveform"') == 1
        assert "notes 0.71" in html


def _landscape(**parts: object) -> bytes:
    return encode(Landscape("bells", "best.pt", 420, 30, "total_loss", "total", 1.2, 6, 0, **parts))  # type: ignore[arg-type]


def test_a_landscape_is_shown_where_there_is_one() -> None:
    places = tuple(x / 2 for x in range(-2, 3))
    rows = tuple(tuple(1.2 + x * x + (y - 0.5) ** 2 if x < 1 else math.nan for x in places) for y in places)
    surface = SoundingLink(steps=320, files={ARTIFACT: _landscape(surface=Surface(places, rows))})
    page = Reading(report(surface, 20).html)
    assert "Loss landscape" in page.text
    assert "the lowest place" in page.text
    assert "best.pt · step 420 · on 6 held-out chunks" in page.text
    path = Line((-0.5, 0.0, 0.5, 1.0, 1.5), (2.0, 1.2, 3.0, 1.1, math.inf))
    line = SoundingLink(steps=320, files={ARTIFACT: _landscape(path=path, other="step-00000100.pt")})
    page = Reading(report(line, 20).html)
    assert "Two valleys." in page.text
    assert "step-00000100.pt" in page.text
    broken = SoundingLink(steps=320, files={ARTIFACT: b"{"})
    assert "Loss landscape" not in Reading(report(broken, 20).html).text


def test_a_landscape_of_a_host_that_is_none_ends_no_report() -> None:
    good = _landscape(line=Line((-1.0, 0.0, 1.0), (5.0, 5.0, 5.0)))
    for data in (
        good,
        good.replace(b"-1.0", b"0.5"),
        good.replace(b"-1.0, 0.0", b"-1.7e308, 0.0").replace(b"1.0]", b"1.7e308]"),
    ):
        text = Reading(report(SoundingLink(steps=32, files={ARTIFACT: data}), 20).html).text
        assert ("Loss landscape" in text) == (data == good)


def test_a_collapsed_latent_says_so_and_an_older_run_says_nothing() -> None:
    link = SoundingLink(steps=320)
    assert "active units" not in Reading(report(link, 20).html).text
    for units, information, told in ((0, 0.0, "about 0 nats"), (3, math.nan, ""), (3, 1.5, "about 1.50 nats")):
        link.stored = [
            replace(s, event=replace(s.event, active_units=units, mutual_information=information))
            if isinstance(s.event, EpochMetrics) else s for s in link.stored
        ]  # fmt: skip
        text = Reading(report(link, 20).html).text
        assert f"active units {units} of 64" in text
        assert ("mutual information" in text) == bool(told)
        assert told in text
        assert "nan nats" not in text.lower()


def test_a_link_that_tells_its_history_in_pieces_is_asked_for_all_of_it() -> None:
    link = eventful()
    whole, read = gather(link), link.read
    link.read = lambda after=0: read(after)[:40]  # type: ignore[method-assign]
    assert len(gather(link).events) == len(whole.events)
    assert isinstance(whole.events[0].event, RunStarted)


FOLDER_OF_RUNS, SOUNDS = "/home/ann b/runs", "/data/ann b/drum kits"


SECRETS = r"\bbox\b|\bann\b|/home|/data|/var|fonts|~"


def _said(page: Page) -> str:
    """The page without our own style and script and without the sounds, which may have any letters in them."""
    return re.sub(r"base64,[^\"]+", "", re.sub(r"<(style|script)>.*?</\1>", "", page.html, flags=re.DOTALL))


def secretive(location: str) -> SoundingLink:
    """A run that names its host and folders wherever it can."""
    link = eventful()
    link.live = False
    config = {**link.info().config, "data": {"path": SOUNDS}, "tunes": {"soundfont": "~/fonts/piano.sf2"}}
    folder = "" if ":" in location else location
    info = replace(link.info(), location=location, local_folder=folder, config=config)
    link.info = lambda: info  # type: ignore[method-assign]
    said = f"{FOLDER_OF_RUNS}/bells-03/old.pt, /var/log/ann/x.log and ~ann/y on box.lan; see https://example.org/a/b"
    own = f"{said}, http://box:80/z and box.wav"
    link.emit(NoteAdded(link.step, own))
    link.emit(Reported(f"{SOUNDS}/kick.wav: not audio (empty file); skipped by ann@box.lan"))
    link.emit(AlertStarted("x", "x", "warning", said, said, said, link.step, 1))
    link.emit(Reported("file:///home/ann/a.mid, ../ann/b.mid and 'ssh://ann@box/home/ann/c.mid'"))
    link.complete("failed", f"{FOLDER_OF_RUNS}/bells-03: No space left on device box")
    return link


@pytest.mark.parametrize("location", [f"{FOLDER_OF_RUNS}/bells-03", f"ann@box.lan:{FOLDER_OF_RUNS}/bells-03"])
def test_a_private_page_names_neither_host_nor_folders(location: str) -> None:
    link = secretive(location)
    assert re.search(SECRETS, _said(report(link, 20)))
    page = report(link, 20, private=True)
    text = Reading(page.html).text
    assert re.findall(SECRETS, _said(page).replace("http://host:80/z and box.wav", "")) == []
    for words in (
        "bells-03/old.pt, x.log and y on host; see https://example.org/a/b", "kick.wav: not audio (empty file)",
        "skipped by host", "file:a.mid, b.mid and 'ssh:c.mid'",
        "bells-03: No space left on device host", "Run folder bells-03", "From drum kits",
        "distill-tui train --config bells-03/config.toml", "distill-tui resume bells-03", 'soundfont = "piano.sf2"',
        "Trained on cuda:0", "old/broken.wav", "tabla_na",
    ):  # fmt: skip
        assert words in text, words
    assert page.sounds == report(link, 20).sounds > 0


def test_a_host_called_like_a_word_of_ours_takes_nothing_else_with_it() -> None:
    link = eventful()
    started = replace(link._started(), host="audio")
    link.stored = [replace(s, event=started) if isinstance(s.event, RunStarted) else s for s in link.stored]
    link.complete("finished")
    text = Reading(report(link, 20, private=True).html).text
    assert "audio" in text
    assert "Finished at epoch" in text
