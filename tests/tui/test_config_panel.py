"""What the config panel says: what differs and from what, what was set live, and every setting of the run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.run.events import ConfigDifference, RunStarted, Stored, ValueSet
from core.run.state import RunState, fold
from core.training.differences import leaves
from distill_tui.differences import config_in_force, settings, spelled
from distill_tui.overlay import Overlay
from distill_tui.panels.config import ConfigPanel
from distill_tui.panels.config_table import NARROWEST_TABLE
from distill_tui.panels.frame import width_of
from distill_tui.reader import Snapshot
from tests.fakes import FakeLink

RATE = ConfigDifference("learning_rate", "0.0005", "0.001", "preset")
FROM_CHECKPOINT = ConfigDifference("model.width", "256", "128", "checkpoint")


def config_of(**changes: Any) -> dict[str, Any]:
    config = FakeLink(steps=0).info().config
    config["learning_rate"] = 0.0005
    for key, value in changes.items():
        *sections, name = key.split("__")
        place = config
        for section in sections:
            place = place[section]
        place[name] = value
    return config


def snapshot(
    *values: ValueSet | RunStarted, told: tuple[ConfigDifference, ...] = (), baseline: dict[str, Any] | None = None
) -> Snapshot:
    link = FakeLink(steps=10)
    started = link.stored[0].event
    assert isinstance(started, RunStarted)
    link.stored[0] = replace(link.stored[0], event=replace(started, differences=told))
    for value in values:
        link.emit(value)
    overlays = (Overlay("bells-01", Path("/runs/bells-01"), "series3", True, baseline),) if baseline else ()
    return Snapshot(
        state=fold(RunState(), link.read()), info=replace(link.info(), config=config_of()), overlays=overlays
    )


def text_of(seen: Snapshot, width: int = 60, whole: bool = False) -> str:
    panel = ConfigPanel()
    panel.set_class(whole, "-maximized")
    panel.snapshot = seen
    return "\n".join("".join(run.text for run in row).rstrip() for row in panel.lines(width))


def test_what_differs_from_the_preset_stands_on_top_with_the_preset_s_value() -> None:
    first, second, *_ = text_of(snapshot(told=(RATE,))).splitlines()
    assert first == "1 setting differs from the preset"
    assert second.split() == ["learning", "rate", "0.0005", "(preset", "0.001)"]


def test_the_value_stands_out_and_its_counterpart_does_not() -> None:
    panel = ConfigPanel()
    panel.snapshot = snapshot(told=(RATE,))
    roles = {run.text.strip(): run.role for row in panel.lines(60)[:2] for run in row}
    assert roles["0.0005"] == "strong"
    assert roles["(preset 0.001)"] == "muted"


def test_where_nothing_differs_nothing_is_said_of_it() -> None:
    seen = text_of(snapshot())
    assert seen.startswith("preset")
    assert "differ" not in seen


def test_checkpoint_and_baseline_are_counted_apart() -> None:
    other = config_of(learning_rate=0.002, preview__sounds=4, name="bells-01", device="cuda:3")
    seen = snapshot(told=(RATE, FROM_CHECKPOINT), baseline=other)
    lines = text_of(seen, 100).splitlines()
    assert lines[0] == "1 setting differs from the preset · 1 from the checkpoint · 2 from baseline bells-01"
    assert "(preset 0.001 · baseline 0.002)" in lines[1]
    assert {s.key for s in settings(seen) if s.other("baseline")} == {"learning_rate", "preview.sounds"}


def test_a_baseline_of_the_same_settings_is_said_to_be_so() -> None:
    assert text_of(snapshot(baseline=config_of(name="bells-01"))).startswith("The same settings as baseline bells-01")


def test_a_live_value_is_shown_at_once_marked_and_held_against_what_it_was() -> None:
    seen = snapshot(ValueSet(8, "loss.stft.weight", 1.0, 0.5), told=(RATE,))
    (weight,) = [setting for setting in settings(seen) if setting.live]
    assert (weight.key, weight.value, weight.others) == ("loss.stft.weight", "0.5", (("preset", "1"),))
    assert "⚙ STFT weight" in text_of(seen)
    assert config_in_force(seen)["loss"]["stft"]["weight"] == 0.5


def test_a_live_value_that_differed_keeps_the_preset_s_and_one_set_back_differs_no_more() -> None:
    (rate,) = [s for s in settings(snapshot(ValueSet(8, "learning_rate", 5e-4, 1e-4), told=(RATE,))) if s.live]
    assert (rate.value, rate.other("preset")) == ("0.0001", "0.001")
    (rate,) = [s for s in settings(snapshot(ValueSet(8, "learning_rate", 5e-4, 1e-3), told=(RATE,))) if s.live]
    assert (rate.value, rate.others) == ("0.001", ())


def test_after_a_resume_the_config_counts_and_the_mark_stays_only_where_it_kept_the_value() -> None:
    begun = snapshot().state.started
    assert begun is not None
    kept, edited = ValueSet(8, "learning_rate", 1e-3, 5e-4), ValueSet(9, "preview.sounds", 2, 7)
    found = {s.key: s for s in settings(snapshot(kept, edited, replace(begun, session=1, start_step=9)))}
    assert (found["learning_rate"].live, found["learning_rate"].others) == (True, ())
    assert (found["preview.sounds"].live, found["preview.sounds"].value) == (False, "2")


def test_whole_numbers_set_live_stay_whole() -> None:
    assert config_in_force(snapshot(ValueSet(8, "preview.every", 5.0, 2.0)))["preview"]["every"] == 2
    assert isinstance(config_in_force(snapshot(ValueSet(8, "preview.every", 5.0, 2.0)))["preview"]["every"], int)


def test_a_value_that_this_version_does_not_know_is_no_setting() -> None:
    assert not [s for s in settings(snapshot(ValueSet(8, "of.the.future", 1, 2))) if s.live]


def test_full_screen_begins_with_a_table_of_what_differs_and_holds_every_setting() -> None:
    other = config_of(learning_rate=0.002, loss__stft__fft_sizes=[256, 512, 1024])
    seen = snapshot(told=(RATE,), baseline=other)
    lines = text_of(seen, 116, whole=True).splitlines()
    assert lines[2].split() == ["setting", "here", "preset", "baseline"]
    assert lines[3].split() == ["learning_rate", "0.0005", "0.001", "0.002"]
    assert lines[4].split() == ["loss.stft.fft_sizes", "512", "1024", "2048", "=", "256", "512", "1024"]
    whole = "\n".join(lines)
    for key, _ in leaves(config_of()):
        assert key.rpartition(".")[2] in whole


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("width", [16, 36, 40, NARROWEST_TABLE, 76, 116, 196])
def test_no_line_is_wider_than_its_room(width: int, whole: bool) -> None:
    other = config_of(data__path="/a/very/long/folder/" + "x" * 150, loss__stft__fft_sizes=list(range(64, 4000, 64)))
    panel = ConfigPanel()
    panel.set_class(whole, "-maximized")
    panel.snapshot = snapshot(ValueSet(8, "preview.every", 5.0, 2.0), told=(RATE, FROM_CHECKPOINT), baseline=other)
    panel.snapshot = replace(panel.snapshot, info=replace(panel.snapshot.info, config=other))  # type: ignore[type-var]
    rows = panel.rows(width + 4, 30)
    assert {width_of(row) for row in rows} == {width + 4}
    assert all(width_of(row) <= max(width, 48) for row in panel.lines(width))


def test_before_the_data_is_read_it_says_what_will_come() -> None:
    assert text_of(Snapshot()) == "The settings, once the data has been read."


def test_foreign_text_is_text() -> None:
    seen = snapshot(told=(ConfigDifference("learning_rate", "0.0005", "\x1b[31m[b]1[/b]", "preset"),))
    assert "(preset [31m[b]1[/b])" in text_of(seen)


def test_it_is_worked_out_again_only_when_something_it_shows_has_changed() -> None:
    panel = ConfigPanel()
    panel.snapshot = snapshot(told=(RATE,))
    first = panel.lines(60)
    panel.snapshot = replace(panel.snapshot, asked=("save",))
    assert panel.lines(60) is first
    log = (*panel.snapshot.state.log, Stored(99, 0.0, ValueSet(9, "preview.sounds", 2, 3)))
    panel.snapshot = replace(panel.snapshot, state=replace(panel.snapshot.state, log=log))
    assert "⚙ preview sounds" in "\n".join("".join(run.text for run in row) for row in panel.lines(60))


@pytest.mark.parametrize(
    ("key", "words"),
    [("learning_rate", "learning rate"), ("loss.stft.weight", "STFT weight"), ("data.silence_db", "data silence dB")],
)
def test_keys_are_spelled_as_words(key: str, words: str) -> None:
    assert spelled(key) == words
