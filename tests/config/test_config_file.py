"""A config survives being written and read, and a wrong one is refused with one line that helps."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.training.config import (
    AugmentConfig,
    ConfigError,
    DataConfig,
    KLLossConfig,
    LossConfig,
    ModelConfig,
    PreviewConfig,
    ReconLossConfig,
    STFTLossConfig,
    TrainingConfig,
    check_keys,
    flatten,
    to_dict,
)
from core.training.config_file import MAX_CONFIG_BYTES, dump_config, from_dict, load_config, read_config

EVERY_KEY = frozenset(flatten(to_dict(TrainingConfig(data=DataConfig(validation_fraction=0.5)))))

any_text = st.text(st.characters(exclude_categories=["Cs"]))  # every path that UTF-8 can hold
non_negative = st.floats(0, allow_nan=False, allow_infinity=False)
probability = st.floats(0, 1)


@st.composite
def stft_losses(draw: st.DrawFn) -> STFTLossConfig:
    """STFT losses of one to four resolutions."""
    sizes = draw(st.lists(st.integers(1, 1 << 20), min_size=1, max_size=4))
    return STFTLossConfig(draw(non_negative), tuple(sizes), tuple(max(1, size // 4) for size in sizes), tuple(sizes))


configs = st.builds(
    TrainingConfig,
    name=any_text,
    preset=st.sampled_from(["auto", "conservative", "balanced", "aggressive"]),
    epochs=st.integers(0, 10**12),
    learning_rate=non_negative,
    warmup_steps=st.integers(-1, 10**6),
    seed=st.integers(0, 2**63),
    device=any_text,
    data=st.builds(
        DataConfig,
        path=any_text,
        silence_db=st.floats(-200, 0),
        validation_fraction=st.none() | st.floats(0.01, 0.99),
    ),
    augment=st.builds(AugmentConfig, gain_probability=probability, noise_snr_db=st.floats(-1e6, 1e6)),
    model=st.builds(ModelConfig, width=st.integers(1, 2048), latent=st.sampled_from(["global", "sequence"])),
    loss=st.builds(
        LossConfig,
        stft=stft_losses(),
        reconstruction=st.builds(ReconLossConfig, weight=st.floats(0.01, 100)),
        kl=st.builds(KLLossConfig, warmup_fraction=probability),
    ),
    preview=st.builds(PreviewConfig, every=st.integers(0, 1000)),
)


def written(folder: Path, text: str | bytes, name: str = "F.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@given(configs)
@example(
    TrainingConfig(name="quotes \" and ' and \\", data=DataConfig(path="/sounds/ärger\n[x]\t\x7f\x00 🥁 [\n    1,\n]"))
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_what_is_read(tmp_path: Path, config: TrainingConfig) -> None:
    again, given_keys = read_config(written(tmp_path, dump_config(config)))
    assert again == config
    assert given_keys >= EVERY_KEY - {"data.validation_fraction"}
    assert from_dict(to_dict(config)) == config


def test_lists_stay_on_one_line() -> None:
    assert "fft_sizes = [512, 1024, 2048]\n" in dump_config(TrainingConfig())


def test_a_file_then_options_then_overrides(tmp_path: Path) -> None:
    path = written(tmp_path, "epochs = 3\nseed = 3\n[loss.stft]\nweight = 3\n")
    config, given_keys = load_config(path, ["seed=4", "loss.kl.weight_max=4"], {"loss.stft.weight": 5.0})
    assert (config.epochs, config.seed) == (3, 4)
    assert (config.loss.stft.weight, config.loss.kl.weight_max) == (5.0, 4.0)
    assert given_keys == {"epochs", "seed", "loss.stft.weight", "loss.kl.weight_max"}


def test_nothing_given_is_the_defaults() -> None:
    assert load_config() == (TrainingConfig(), frozenset())


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("loss.stft.weight=2", "loss.stft.weight", 2.0),
        (" loss.stft.weight = 2e-1 ", "loss.stft.weight", 0.2),
        ("device=cuda:0", "device", "cuda:0"),
        ('name="a b"', "name", "a b"),
        ("name=a b # c = d", "name", "a b # c = d"),
        ("name=42", "name", "42"),
        ("name=true", "name", "true"),
        ("preset=balanced", "preset", "balanced"),
        ("loss.stft.fft_sizes=[512, 1024, 4096]", "loss.stft.fft_sizes", [512, 1024, 4096]),
        ("data.path=~/it's here/[drums]", "data.path", "~/it's here/[drums]"),
    ],
)
def test_a_value_is_toml_or_bare_words(assignment: str, key: str, value: object) -> None:
    config, given_keys = load_config(assignments=[assignment])
    assert flatten(to_dict(config))[key] == value
    assert given_keys == {key}


def test_a_data_folder_in_a_file_is_relative_to_the_file(tmp_path: Path) -> None:
    config, _ = load_config(written(tmp_path, '[data]\npath = "sounds"\n'))
    assert config.data.path == str(tmp_path / "sounds")


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("loss.stft.wieght=2", "--set: loss.stft.wieght: no such key; did you mean loss.stft.weight?"),
        ("laerning_rate=1", "did you mean learning_rate?"),
        ("dropout=0.1", "did you mean regularization.dropout?"),
        ("free_bit=0.1", "did you mean loss.kl.free_bits?"),
        ("zzz=1", "--set: zzz: no such key"),
        ("loss=3", "loss = 3: a section, not a value; set one of its keys"),
        ("loss.stft.weight=two", "--set: loss.stft.weight = two: expected a number"),
        ("epochs=2.5", "epochs = 2.5: expected a whole number"),
        ("epochs=true", "epochs = True: expected a whole number"),
        ("epochs=-1", "--set: epochs = -1: expected 0 or more"),
        ("epochs=1\nseed=2", "expected a whole number"),
        ("preset=agressive", "expected one of auto, conservative, balanced, aggressive; did you mean aggressive?"),
        ("loss.stft.fft_sizes=512", "expected a list"),
        ("loss.stft.fft_sizes=[512, 'a', 2]", "expected a whole number at every place of the list"),
        ("learning_rate=nan", "expected a finite number"),
        ("learning_rate=inf", "expected a finite number"),
        ("epochs", "--set epochs: expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
        ("name=", "no value after the ="),
        ("data.path=\udcff", "not UTF-8"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(assignments=[assignment])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[loss.sftf]\nweight = 1", "loss.sftf.weight: no such key; did you mean loss.stft.weight?"),
        ("[loss.stft]\nweight = 'x'", "loss.stft.weight = x: expected a number"),
        ("loss = 3", "loss = 3: a section, not a value"),
        ("[[loss]]\nx = 1", "a section, not a value"),
        ("epochs = = 3", "not TOML"),
        ("epochs = 1\nepochs = 2", "not TOML"),
        ("x = " + "[" * 5000, "not TOML"),
        ("epochs = " + "9" * 5000, "not TOML"),
        (b"\x89PNG\r\n\xff\xfe", "not text"),
        (b"# " + b"x" * MAX_CONFIG_BYTES, "which is no config"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = written(tmp_path, content)
    for read in (read_config, load_config):
        with pytest.raises(ConfigError) as refused:
            read(path)
        assert str(path) in str(refused.value)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read as a config"):
            load_config(path)


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, b"\xef\xbb\xbfepochs = 7\n"))[0].epochs == 7


def test_a_config_written_by_hand_in_part_keeps_the_other_defaults(tmp_path: Path) -> None:
    config, given_keys = read_config(written(tmp_path, "[preview]\nevery = 3\n"))
    assert config == replace(TrainingConfig(), preview=PreviewConfig(every=3))
    assert given_keys == {"preview.every"}


def test_values_that_only_another_recipe_reads_are_named() -> None:
    check_keys(TrainingConfig(epochs=3, loss=LossConfig(kl=KLLossConfig(weight_max=0.5))), "midi")
    with pytest.raises(ConfigError, match=r"model.width: is read by the audio recipe alone"):
        check_keys(TrainingConfig(model=ModelConfig(width=17)), "midi")


def test_a_config_leaves_out_what_only_another_recipe_reads() -> None:
    tunes, sounds = (flatten(to_dict(TrainingConfig(recipe=name))) for name in ("midi", "audio"))
    assert not [key for key in tunes if key.startswith(("spectrogram.", "augment.", "model.", "loss.stft."))]
    assert not [key for key in sounds if key.startswith(("tunes.", "token_model.", "loss.constraints."))]
    assert {"loss.kl.weight_max", "adversarial.mode", "regularization.dropout"} <= tunes.keys() & sounds.keys()
    odd = TrainingConfig(recipe="midi", model=ModelConfig(width=17))
    assert from_dict(to_dict(odd)) == odd  # what somebody did set stays
