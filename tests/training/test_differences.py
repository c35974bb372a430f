"""What a person set otherwise than the preset, and what was edited since a checkpoint: told, and nothing else is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from core.run.events import Event, RunStarted
from core.run.folder import RunFolder
from core.training.config import TrainingConfig, flatten, nested, to_dict
from core.training.config_file import load_config
from core.training.differences import difference, from_checkpoint, from_preset, shown
from core.training.presets import SETTLED, resolve
from core.training.train import train

FILES, CHUNKS = 63, 120


def resolved(**changes: Any) -> TrainingConfig:
    """A resolved config of 63 sounds; double underscores stand for dots."""
    overrides = {key.replace("__", "."): value for key, value in {"recipe": "audio", **changes}.items()}
    config, given = load_config(None, [], overrides)
    return resolve(config, FILES, CHUNKS, given)


def told(config: TrainingConfig) -> dict[str, tuple[str, str]]:
    return {each.key: (each.here, each.there) for each in from_preset(config, FILES, CHUNKS)}


@pytest.mark.parametrize("recipe", ["audio", "midi"])
@pytest.mark.parametrize("preset", ["auto", "conservative", "aggressive"])
def test_a_preset_alone_differs_from_nothing(recipe: str, preset: str) -> None:
    assert (
        told(resolved(recipe=recipe, preset=preset, name="x", device="cpu", seed=7, threads=2, data__path="/x")) == {}
    )


def test_what_a_person_set_is_told_with_what_the_preset_would_have() -> None:
    assert told(resolved(learning_rate=5e-4, loss__stft__weight=2, preview__sounds=5)) == {
        "learning_rate": ("0.0005", "0.001"),
        "loss.stft.weight": ("2", "1"),
        "preview.sounds": ("5", "2"),
    }


def test_what_only_follows_from_another_setting_is_not_told() -> None:
    config = resolved(epochs=8, data__chunk_seconds=8, model__latent="sequence")
    assert (config.preview.every, config.checkpoint.every, config.batch_size) == (2, 1, 8)  # all three follow
    assert told(config).keys() == {"epochs", "data.chunk_seconds", "model.latent"}


def test_a_value_is_held_against_what_the_other_settings_would_make_of_it() -> None:
    assert told(resolved(epochs=20, preview__every=5)) == {"epochs": ("20", "200"), "preview.every": ("5", "2")}


def test_lists_that_only_fit_together_are_told_one_by_one() -> None:
    spectral = {"fft_sizes": [256, 512], "hop_sizes": [64, 128], "win_lengths": [256, 512]}
    keys = told(resolved(**{f"loss__stft__{name}": sizes for name, sizes in spectral.items()}))
    assert keys["loss.stft.fft_sizes"] == ("256 512", "512 1024 2048")
    assert len(keys) == 3


@pytest.mark.parametrize("recipe", ["audio", "midi"])
def test_presets_settle_what_they_say_and_nothing_else(recipe: Any) -> None:
    open_ = TrainingConfig(recipe=recipe)
    for files in (6, 60, 400):
        settled = difference(to_dict(open_), to_dict(resolve(open_, files, 20 * files, frozenset())))
        assert {key for key, _, _ in settled} <= set(SETTLED)


def test_an_edit_between_stop_and_resume_is_told_with_the_checkpoint_s_value() -> None:
    saved = to_dict(resolved(name="a", device="cpu"))
    edited = resolved(name="b", device="cuda:0", learning_rate=2e-3, data__path="/moved")
    found = {each.key: (each.here, each.there, each.than) for each in from_checkpoint(edited, saved)}
    assert found == {
        "learning_rate": ("0.002", "0.001", "checkpoint"),
        "data.path": ("/moved", "none", "checkpoint"),
    }


def test_a_key_that_another_version_did_not_have_counts_as_its_default() -> None:
    config = resolved(loss__log_magnitude__floor_db=50)
    saved = flatten(to_dict(config))
    del saved["loss.log_magnitude.floor_db"], saved["loss.log_magnitude.weight"]
    saved["loss.of_the_future"] = 3.0
    (found,) = from_checkpoint(config, nested(saved))
    assert (found.key, found.here, found.there) == ("loss.log_magnitude.floor_db", "50", "60")


TREES = st.dictionaries(
    st.sampled_from("abc"),
    st.one_of(st.integers(0, 2), st.dictionaries(st.sampled_from("de"), st.integers(0, 2), min_size=1)),
)


@forall(TREES, TREES)
def test_a_difference_is_none_of_the_same_and_the_same_from_both_sides(here: Any, there: Any) -> None:
    assert difference(here, here) == ()
    swapped = {(key, other, own) for key, own, other in difference(there, here)}
    assert set(difference(here, there)) == swapped


def test_lists_and_tuples_of_the_same_values_are_the_same() -> None:
    assert difference({"a": {"b": (1, 2)}}, {"a": {"b": [1, 2]}}) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1e-5, "1e-5"), (0.12345678, "0.12345678"), (1e6, "1e6"), (2.0, "2"), (True, "yes"), (None, "–"),
     ([512, 1024], "512 1024"), ("", "none"), ((), "none"), (0.1 + 0.2, "0.30000000000000004")],
)  # fmt: skip
def test_values_are_shown_exactly(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_run_tells_what_was_set_and_after_a_stop_what_was_edited(tiny: Callable[..., Any], tmp_path: Path) -> None:
    folder, started = RunFolder.create(tmp_path, "run"), list[RunStarted]()

    def callback(event: Event) -> None:
        if isinstance(event, RunStarted):
            started.append(event)

    config, given = tiny(epochs=2, learning_rate=7e-4)
    train(folder, config=config, given=given, callback=callback)
    text = folder.config_path.read_text()
    folder.config_path.write_text(text.replace("learning_rate = 0.0007", "learning_rate = 0.002"))
    train(folder, checkpoint="latest", callback=callback)
    first, second = ({(each.key, each.than): each.there for each in event.differences} for event in started)
    assert first[("learning_rate", "preset")] == "0.0005"  # of the conservative preset, as there are six sounds
    assert not [than for _, than in first if than == "checkpoint"]
    assert {key: there for (key, than), there in second.items() if than == "checkpoint"} == {"learning_rate": "0.0007"}
