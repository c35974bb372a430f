"""Checkpoints are whole or not there, are never unpickled, and are refused in one line when they do not fit."""

import errno
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.run.events import RunStarted
from core.run.folder import RunFolder
from core.training.checkpoint_files import (
    CheckpointError,
    find_checkpoint,
    list_checkpoints,
    prune_checkpoints,
    read_summary,
)
from core.training.checkpoints import describe, load_checkpoint, restore_rng, rng_state, save_checkpoint
from core.training.train import train


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_what_was_saved_comes_back_with_a_readable_summary(tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.pt"
    save_checkpoint(path, {"model": {"w": torch.arange(3.0)}}, {"step": 1, "reason": "interval"})
    assert torch.equal(load_checkpoint(path)["model"]["w"], torch.arange(3.0))
    assert json.loads(path.with_suffix(".json").read_text())["step"] == 1
    assert {p.name for p in tmp_path.iterdir()} == {"step-00000001.pt", "step-00000001.json"}


@pytest.mark.parametrize("with_summary", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: bytes(len(data)),
        lambda data: pickle.dumps({"format": "distill-tui checkpoint 1"}),
    ],
)
def test_damaged_files_are_refused_in_one_line(
    tmp_path: Path, damage: Callable[[bytes], bytes], with_summary: bool
) -> None:
    path = tmp_path / "step-00000001.pt"
    save_checkpoint(path, {"model": {"w": torch.arange(300.0)}}, {"step": 1})
    path.write_bytes(damage(path.read_bytes()))
    if not with_summary:
        path.with_suffix(".json").unlink()
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_in_the_weights_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.pt"
    save_checkpoint(path, {"model": {"w": torch.zeros(3000)}}, {"step": 1})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


class Payload:
    """What a hostile checkpoint would run when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (Path.touch, (self.marker,))


def test_nothing_in_a_foreign_checkpoint_is_run(tmp_path: Path) -> None:
    path, marker = tmp_path / "foreign.pt", tmp_path / "ran"
    torch.save({"format": "distill-tui checkpoint 1", "model": Payload(marker)}, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not marker.exists()


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_disk_that_refuses_leaves_the_old_file_whole(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    with pytest.raises(CheckpointError, match="missing"):
        save_checkpoint(folder / "step-00000001.pt", {}, {})


def test_pruning_keeps_recent_ones_as_many_of_an_epochs_end_and_one_to_go_back_to(folder: RunFolder) -> None:
    reasons = dict.fromkeys(range(1, 7), "interval") | dict.fromkeys((5, 7, 8), "requested") | {9: "cancelled"}
    for step, reason in reasons.items():
        save_checkpoint(folder.checkpoints / f"step-{step:08d}.pt", {}, {"step": step, "reason": reason})
    prune_checkpoints(folder, 3)
    assert [checkpoint.step for checkpoint in list_checkpoints(folder)] == [1, 3, 4, 6, 7, 8, 9]


def test_finding_says_what_there_is(folder: RunFolder) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        find_checkpoint(folder, "latest")
    save_checkpoint(folder.checkpoints / "step-00000004.pt", {}, {"step": 4})
    assert find_checkpoint(folder, "latest") == find_checkpoint(folder, "step-00000004")
    with pytest.raises(CheckpointError, match="step-00000004"):
        find_checkpoint(folder, "step-9")


NOWHERE = 300 * "x"  # longer than any file's name: the system refuses to look


def test_what_may_not_be_looked_at_is_refused_in_one_line(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(folder.checkpoints / "step-00000004.pt", {}, {"step": 4})
    with pytest.raises(CheckpointError, match="cannot be read"):
        find_checkpoint(folder, NOWHERE)
    with pytest.raises(CheckpointError, match="cannot be read"):
        find_checkpoint(RunFolder(folder.path / NOWHERE), "latest")

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "checkpoints")

    monkeypatch.setattr(Path, "exists", closed)
    with pytest.raises(CheckpointError, match=r"best\.pt: cannot be read \(Permission denied\)"):
        find_checkpoint(folder, "best")
    monkeypatch.setattr("os.scandir", closed)
    with pytest.raises(CheckpointError, match=r"checkpoints: cannot be read \(Permission denied\)"):
        find_checkpoint(folder, "latest")


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_to_make_room_is_advised_only_where_that_helps(
    number: int, advice: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr("core.training.checkpoints.atomic_write", refused)
    with pytest.raises(CheckpointError, match="not saved") as caught:
        save_checkpoint(tmp_path / "step-00000001.pt", {}, {})
    assert ("free some space" in str(caught.value)) is advice


def test_parameters_are_what_is_trained_and_weights_all_numbers(tiny: Any, folder: RunFolder) -> None:
    config, given = tiny(epochs=1)
    seen: list[RunStarted] = []
    train(folder, config=config, given=given,
          callback=lambda event: seen.append(event) if isinstance(event, RunStarted) else None)  # fmt: skip
    facts = describe(find_checkpoint(folder, "latest"))
    assert facts["parameters"] == seen[0].parameters
    assert facts["weights"] > facts["parameters"]
    before = describe(folder.checkpoints / "step-00000000.pt")
    assert before["parameters"] is None, "before the first step nothing tells them apart"
    assert before["weights"] == facts["weights"]


@pytest.mark.parametrize("config", [None, "audio", ["audio"]])
def test_a_checkpoint_without_a_table_for_a_config_is_refused_in_one_line(
    config: object, tiny: Any, folder: RunFolder
) -> None:
    setup = tiny(epochs=1)
    train(folder, config=setup[0], given=setup[1])
    path = find_checkpoint(folder, "latest")
    save_checkpoint(path, {**load_checkpoint(path), "config": config}, read_summary(path))
    for use in (lambda: train(folder, checkpoint="latest"), lambda: describe(path)):
        with pytest.raises(CheckpointError, match="holds no config"):
            use()


def test_all_random_numbers_go_on_as_they_would_have() -> None:
    import random

    def drawn() -> tuple[float, float, float, float]:
        return random.random(), random.gauss(0, 1), np.random.randn(), float(torch.rand(()))

    drawn()
    device = torch.device("cpu")
    state = rng_state(device)
    expected = drawn()
    restore_rng(state, device)
    assert drawn() == expected


def test_resuming_a_damaged_or_foreign_checkpoint_never_starts_afresh(tiny: Any, folder: RunFolder) -> None:
    config, given = tiny(epochs=1)
    train(folder, config=config, given=given)
    latest = find_checkpoint(folder, "latest")
    assert describe(latest)["step"] == list_checkpoints(folder)[-1].step
    before = {path.name for path in folder.checkpoints.iterdir()}
    folder.config_path.write_text(folder.config_path.read_text().replace("latent_dim = 4", "latent_dim = 5"))
    with pytest.raises(CheckpointError, match="latent_dim"):
        train(folder, checkpoint="latest")
    latest.write_bytes(latest.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        train(folder, checkpoint="latest")
    assert {path.name for path in folder.checkpoints.iterdir()} == before
