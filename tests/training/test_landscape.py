"""A checkpoint's landscape is of the loss that validation measures, on fixed material, and leaves the run alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.errors import DataError
from core.insight.landscape import LossLandscapeAnalyzer
from core.run.folder import RunFolder
from core.training.checkpoint_files import CheckpointError, list_checkpoints
from core.training.config import TrainingConfig
from core.training.landscape import MOST_ITEMS, LandscapeMaterial, TermError
from core.training.runner import TrainingRunner

Tiny = Callable[..., tuple[TrainingConfig, frozenset[str]]]


def trained(config: TrainingConfig, given: frozenset[str], runs: Path) -> RunFolder:
    runner = TrainingRunner()
    folder = runner.start(config, given, runs)
    runner.wait()
    assert runner.error is None
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    return {"runs": RunFolder(tmp_path_factory.mktemp("runs"))}


@pytest.fixture
def run(tiny: Tiny, kept: dict[str, RunFolder]) -> RunFolder:
    """A run of two epochs with dropout, made once."""
    if "run" not in kept:
        config, given = tiny(epochs=2, regularization__dropout=0.3)
        kept["run"] = trained(config, given, kept["runs"].path)
    return kept["run"]


def contents_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_loss_is_the_objective_of_the_recipe_the_same_every_time_and_with_a_gradient(run: RunFolder) -> None:
    material = LandscapeMaterial.load(list_checkpoints(run)[-1].path, "total_loss")
    weight = material.recipe.config.loss.kl.weight_max
    with torch.no_grad():
        terms = material.recipe.losses(material.model, material._batch, 0.0)
        objective = material.recipe.objective({name: float(term) for name, term in terms.items()}, 0.0)
    loss = material.loss(material.model)
    assert float(loss.detach()) == pytest.approx(objective, rel=1e-5)
    assert weight > 0
    assert all(float(material.loss(material.model).detach()) == float(loss.detach()) for _ in range(3))
    loss.backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in material.model.parameters())
    assert (material.place.step, material.term.label) == (list_checkpoints(run)[-1].step, "total")
    material.close()


def test_the_material_is_held_out_and_spread_over_the_files(run: RunFolder) -> None:
    material = LandscapeMaterial.load(list_checkpoints(run)[-1].path, "total_loss")
    everything = torch.cat(list(material.recipe.validation_batches()))
    assert material.items == min(MOST_ITEMS, len(everything))
    assert torch.equal(material._batch[0], everything[0])
    assert torch.equal(material._batch[-1], everything[-1])
    material.close()


def test_a_single_term_can_be_asked_and_an_unknown_one_is_refused_with_those_there_are(run: RunFolder) -> None:
    path = list_checkpoints(run)[-1].path
    material = LandscapeMaterial.load(path, "kl_loss")
    with torch.no_grad():
        terms = material.recipe.losses(material.model, material._batch, 1.0)
        assert float(material.loss(material.model)) == float(terms["kl_loss"])
    material.close()
    with pytest.raises(TermError, match=r"kl: not a term.*total_loss, stft_loss"):
        LandscapeMaterial.load(path, "kl")


def test_nothing_of_the_run_is_touched_and_the_store_is_not_opened(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(run.path)
    with run.lock():  # a trainer is at work
        path = list_checkpoints(run)[-1].path
        material = LandscapeMaterial.load(path, "total_loss")
        analyzer = LossLandscapeAnalyzer(material.model, material.loss)
        other = material.other(list_checkpoints(run)[0].path)
        way = analyzer.path(other.weights, 3)
        material.close()
    after = contents_of(run.path)
    after.pop("run.lock", None)
    before.pop("run.lock", None)
    assert after == before
    material = LandscapeMaterial.load(list_checkpoints(run)[0].path, "total_loss")
    assert way.at(1) == pytest.approx(float(material.loss(material.model).detach()), rel=1e-5)
    material.close()


def test_curvature_of_the_real_loss_is_what_differences_of_its_gradient_say(run: RunFolder) -> None:
    material = LandscapeMaterial.load(list_checkpoints(run)[-1].path, "kl_loss")  # smooth
    analyzer = LossLandscapeAnalyzer(material.model, material.loss)
    found = analyzer.top_eigenvalue(iterations=300, tolerance=0.02)
    small = [analyzer.epsilon_sharpness(rho).rise for rho in (1e-2, 2e-2)]
    assert found.converged
    # Uphill the loss bends no more than the top eigenvalue allows.
    bend = (small[1] - 2 * small[0]) / 1e-4
    assert abs(bend) <= abs(found.eigenvalue) * 1.2
    material.close()


def test_what_is_missing_is_said_in_one_line(run: RunFolder, tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        LandscapeMaterial.load(tmp_path / "none.pt", "total_loss")
    path = list_checkpoints(run)[-1].path
    contents = torch.load(path, weights_only=True)
    contents["config"]["data"]["path"] = str(tmp_path / "gone")
    torch.save(contents, tmp_path / "moved.pt")
    with pytest.raises(DataError, match="gone"):
        LandscapeMaterial.load(tmp_path / "moved.pt", "total_loss")
    contents["config"]["model"]["width"] = 32
    torch.save(contents, tmp_path / "wider.pt")
    material = LandscapeMaterial.load(path, "total_loss")
    with pytest.raises(CheckpointError, match=r"model\.width"):
        material.other(tmp_path / "wider.pt")
    material.close()


def test_tunes_have_a_landscape_too(tmp_path: Path) -> None:
    from core.midi.demo import make_demo_tunes
    from core.training.config_file import load_config

    make_demo_tunes(tmp_path / "tunes", count=6)
    settings = {
        "data.path": str(tmp_path / "tunes"), "steps": 2, "batch_size": 2, "threads": 1, "device": "cpu",
        "tunes.window_tokens": 32, "token_model.width": 16, "token_model.heads": 2, "token_model.latent_dim": 4,
        "adversarial.mode": "off",
        "token_model.encoder_layers": 1, "token_model.decoder_layers": 1, "preview.samples": 0, "preview.sounds": 0,
    }  # fmt: skip
    folder = trained(*load_config(None, [], settings), tmp_path / "runs")
    material = LandscapeMaterial.load(list_checkpoints(folder)[-1].path, "total_loss")
    analyzer = LossLandscapeAnalyzer(material.model, material.loss)
    assert analyzer.line(3).nonfinite == 0
    assert analyzer.epsilon_sharpness().rise > 0
    assert analyzer.top_eigenvalue(5).iterations >= 1  # through attention, differentiated twice
    material.close()
