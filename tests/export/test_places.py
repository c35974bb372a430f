"""Nothing that a person made is overwritten, no half of a file is there, and what cannot be done is said in a line."""

import io
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from core.errors import UsageError
from core.export.place import files_of
from core.export.sidecar import write_both
from core.run.folder import RunFolder
from distill_tui.commands.export import TARGETS, _say
from tests.export.conftest import Trained, exported
from tests.export.logged import resumed_run

FOLDERS = ("tensorboard", "csv")
QUICK = ("tensorboard", "csv", "json", "safetensors", "torchscript")
Capture = pytest.CaptureFixture[str]


def refused(*words: object) -> str:
    with pytest.raises(UsageError) as caught:
        exported(*words)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("target", TARGETS)
def test_a_stranger_s_file_stays(target: str, trained: Trained, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    if target in FOLDERS:
        place.mkdir()
        (place / "steps.csv").write_text("mine")
    else:
        place.write_text("mine")
    assert "no earlier export" in refused(trained("global"), "--to", target, "-o", place)
    assert (place / "steps.csv" if target in FOLDERS else place).read_text() == "mine"


@pytest.mark.parametrize("target", QUICK)
def test_an_earlier_export_is_replaced(target: str, trained: Trained, tmp_path: Path) -> None:
    for _ in range(2):
        assert exported(trained("global"), "--to", target, "-o", tmp_path / "new" / "here") == 0
    assert not list(tmp_path.rglob("*.part"))


def test_an_earlier_onnx_file_is_known_by_its_beginning(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from core.export.onnx_file import PRODUCER, _is_ours

    for producer in (PRODUCER, "pytorch"):
        model = onnx.helper.make_model(onnx.helper.make_graph([], "graph", [], []), producer_name=producer)
        (tmp_path / producer).write_bytes(model.SerializeToString())
        assert _is_ours(tmp_path / producer) == (producer == PRODUCER)


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class Enough(Exception):
    """Raised when it is told how long it takes, so that nobody has to wait."""


def test_onnx_says_how_long_it_takes_once_nothing_is_in_the_way(trained: Trained, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    from core.export.onnx_file import export

    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        raise Enough

    run = trained("global")
    checkpoint = next((run / "checkpoints").glob("step-*.pt"))
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError):
        export(RunFolder(run), checkpoint, tmp_path / "mine", tell)
    assert told == []
    with pytest.raises(Enough):
        export(RunFolder(run), checkpoint, tmp_path / "new", tell)
    assert told == ["writing ONNX, about half a minute"]


@pytest.mark.parametrize(("stream", "as_json", "heard"), [
    (io.StringIO, False, True), (io.StringIO, True, False), (Terminal, False, True), (Terminal, True, True),
])  # fmt: skip
def test_a_person_who_waits_is_told_and_a_program_is_not(stream: type[io.StringIO], as_json: bool, heard: bool) -> None:
    with redirect_stderr(stream()) as said:
        _say("a while", as_json=as_json)
    assert said.getvalue() == ("a while\n" if heard else "")


def test_a_sidecar_that_is_somebody_s_own_stays(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "bells.ts.json").write_text("{}")
    line = refused(trained("global"), "--to", "torchscript", "-o", tmp_path / "bells.ts")
    assert line.startswith(f"{tmp_path / 'bells.ts.json'}: is there already")
    assert not (tmp_path / "bells.ts").exists()


def test_an_export_to_another_format_is_not_ours_to_replace(trained: Trained, tmp_path: Path) -> None:
    exported(trained("global"), "--to", "csv", "-o", tmp_path / "out")
    assert "tensorboard" in refused(trained("global"), "--to", "tensorboard", "-o", tmp_path / "out")


def test_a_run_s_own_folder_is_no_place_for_it(trained: Trained) -> None:
    run = trained("global")
    for place in (run, run / "out.json", run / "previews" / "out.json"):
        assert "run's own folder" in refused(run, "--to", "json", "-o", place)


def test_a_folder_for_a_file_and_a_file_for_a_folder_are_told_apart(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "name a file" in refused(trained("global"), "--to", "json", "-o", tmp_path)
    assert "name a folder" in refused(trained("global"), "--to", "csv", "-o", tmp_path / "file")
    assert "four tables" in refused(trained("global"), "--to", "csv", "-o", tmp_path / "steps.csv")


def test_without_a_path_it_is_named_after_the_run(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    exported(trained("global"), "--to", "csv")
    exported(trained("global"), "--to", "json", "--json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["global-csv", "global.json"]
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    size = (tmp_path / "global.json").stat().st_size
    assert told == {"to": "json", "path": "global.json", "files": [{"path": "global.json", "bytes": size}], "notes": []}


@pytest.mark.parametrize("target", TARGETS)
def test_a_run_that_has_logged_nothing_is_refused_in_a_line(target: str, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "empty")
    folder.config_path.write_text('recipe = "audio"\n')
    line = refused(folder.path, "--to", target, "-o", tmp_path / "out")
    assert "no checkpoint yet" in line or "nothing is logged yet" in line
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_refused_by_its_name(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    for target in ("safetensors", "torchscript"):
        line = refused(trained("global"), "--to", target, "-o", tmp_path / "out", "--checkpoint", tmp_path / "bad.pt")
        assert line.startswith(f"{tmp_path / 'bad.pt'}: ")


def test_a_run_on_another_host_is_exported_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        exported("me@box:runs/bells", "--to", "csv")
    assert "another host" in str(caught.value)
    assert caught.value.hint == "ssh -t me@box 'distill-tui export runs/bells --to csv'"  # type: ignore[attr-defined]


def test_a_checkpoint_is_no_part_of_a_table(trained: Trained) -> None:
    assert "--checkpoint" in refused(trained("global"), "--to", "csv", "--checkpoint", "latest")


MISSING = [("safetensors", "safetensors"), ("onnx", "onnx"), ("onnxscript", "onnx")]


@pytest.mark.parametrize(("module", "target"), MISSING)
def test_a_missing_package_is_named_with_what_installs_it(
    module: str, target: str, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    assert f"pip install 'distill-tui[{target}]'" in refused(trained("global"), "--to", target, "-o", tmp_path / "out")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system to fill")
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    trained: Trained, small_disk: Path, tmp_path: Path
) -> None:
    long = resumed_run(tmp_path / "runs").path
    (small_disk / "ballast").write_bytes(bytes(50_000))
    for run, target in ((long, "json"), (long, "csv"), (trained("global"), "torchscript")):
        assert "free some space" in refused(run, "--to", target, "-o", small_disk / target)
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["ballast"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 2000 bytes: what does meets an OSError once its buffer is written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _write(folder: Path, run: str, contents: Sequence[bytes]) -> None:
    with files_of(folder, "csv", run, ("a", "b", "c")) as files:
        for file, data in zip(files, contents, strict=True):
            file.write(data)


@pytest.mark.parametrize("large", [0, 1, 2])
def test_where_one_of_several_files_has_no_room_none_takes_its_place(
    large: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _write(tmp_path, "bells", [b"old"] * 3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    request.getfixturevalue("small_files")
    with pytest.raises(OSError, match="large"):
        _write(tmp_path, "gongs", [bytes(3000 if place == large else 10) for place in range(3)])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_decoder_without_its_sidecar_is_not_left(tmp_path: Path, small_files: None) -> None:
    for data, tables in ((bytes(10), 3000), (bytes(3000), 10)):
        with pytest.raises(UsageError, match="not written"):
            write_both(tmp_path / "bells.ts", data, "torchscript", "bells", {"recipe": "audio", "x": "x" * tables})
        assert not list(tmp_path.iterdir())


def test_the_table_formats_load_neither_torch_nor_numpy() -> None:
    modules = "core.run.raw_steps, core.export.csv_tables, core.export.json_document, core.export.tensorboard_log"
    program = (
        f"import sys, {modules}, distill_tui.commands.export; print({{'torch', 'numpy', 'rich'}} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
