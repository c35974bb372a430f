"""CSV and JSON hold every step on the run's path as it was logged, however long the run."""

import csv
import io
import json
import math
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from core.export import csv_tables
from core.run.blocks import Columns
from core.run.event_json import encode
from core.run.events import NoteAdded
from core.run.folder import RunFolder
from core.run.plain import from_json_ready
from core.run.raw_steps import RawRun
from core.run.schema import open_for_writing, transaction
from core.run.store import RunWriter
from tests.export.conftest import Trained, exported
from tests.export.logged import EXTRAS, log_session, resumed_run, started, step_metrics, value


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return resumed_run(tmp_path_factory.mktemp("runs"))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_csv_has_each_step_on_the_path_once_with_its_very_numbers(run: RunFolder, tmp_path: Path) -> None:
    exported(run.path, "--to", "csv", "-o", tmp_path / "out")
    steps = table(tmp_path / "out" / "steps.csv")
    assert [int(row["step"]) for row in steps] == list(range(1, 221))
    for row in steps:
        step = int(row["step"])
        np.testing.assert_equal(np.float32(row["stft_loss"]), np.float32(value(step)))
        assert row["gradient/stft_loss"] == ("" if step % 2 else "0.5" if step <= 100 else "1.5")
        assert (row["kl_loss"], row["weight/kl_loss"], row["epoch"]) == (f"{step}.0", "0.25", str(step // 10))
        assert float(row["elapsed_s"]) == pytest.approx(step * 0.01, abs=1e-4)
    assert [steps[n]["stft_loss"] for n in (2, 3, 4)] == ["nan", "inf", "-inf"]
    times = [float(row["time"]) for row in steps]
    assert times[60] - times[10] == pytest.approx(0.5, abs=0.02)  # the training's clock, not that of the commits
    assert abs(times[-1] - time.time()) < 60


def test_csv_has_validations_on_the_path_all_events_and_the_config(run: RunFolder, tmp_path: Path) -> None:
    exported(run.path, "--to", "csv", "-o", tmp_path / "out")
    epochs = table(tmp_path / "out" / "epochs.csv")
    assert [float(row["val/stft_loss"]) for row in epochs] == [
        *range(10, 101, 10), *(100.0 + n for n in range(110, 221, 10))
    ]  # fmt: skip
    assert epochs[0]["is_best"] == "1"
    events = table(tmp_path / "out" / "events.csv")
    assert [row["body"] for row in events if row["kind"] == "note"] == [
        f'{{"step": {step}, "text": "a *note* of session {session}"}}' for session, step in ((0, 150), (1, 220))
    ]
    assert {row["key"]: row["value"] for row in table(tmp_path / "out" / "config.csv")} == {
        "recipe": "audio", "loss.stft.fft_sizes": "[64, 128]"
    }  # fmt: skip


def test_json_says_the_same_and_marks_what_is_no_number(run: RunFolder, tmp_path: Path) -> None:
    path = tmp_path / "bells.json"
    exported(run.path, "--to", "json", "-o", path)
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    columns, data = document["steps"]["columns"], document["steps"]["data"]
    assert columns[:3] == ["step", "time", "elapsed_s"]
    assert set(EXTRAS) < set(columns)
    rows = [dict(zip(columns, row, strict=True)) for row in data]
    assert [row["step"] for row in rows] == list(range(1, 221))
    assert rows[2]["stft_loss"] == {"$float": "nan"}
    assert rows[0]["gradient/stft_loss"] is None
    np.testing.assert_equal(
        [np.float32(from_json_ready(row["stft_loss"])) for row in rows], [np.float32(value(n)) for n in range(1, 221)]
    )
    assert [entry["step"] for entry in document["epochs"]] == list(range(10, 221, 10))
    assert math.isnan(from_json_ready(document["epochs"][0]["kl_per_dimension"])[1])
    assert [entry["seq"] for entry in document["events"]] == list(range(1, len(document["events"]) + 1))
    assert document["config"]["loss"]["stft"]["fft_sizes"] == [64, 128]


def test_an_export_of_the_same_run_is_the_same_bytes(run: RunFolder, tmp_path: Path) -> None:
    for place in ("a", "b"):
        exported(run.path, "--to", "json", "-o", tmp_path / place / "bells.json")
        exported(run.path, "--to", "csv", "-o", tmp_path / place / "tables")
    for name in ("bells.json", "tables/steps.csv", "tables/epochs.csv", "tables/events.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_a_trainer_logs_meanwhile_is_left_out(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")
    writer = RunWriter(folder.store_path)
    writer.begin(started(0, 0))
    for step in range(1, 101):
        writer.step(step_metrics(step, 0))
    writer.flush()
    raw = RawRun(folder.store_path)
    for step in range(101, 301):
        writer.step(step_metrics(step, 0))
    writer.flush()
    found = [step for chunk in raw.steps() for step in chunk.steps.tolist()]
    raw.close()
    writer.close()
    assert found[:100] == list(range(1, 101))
    assert len(found) < 128  # the rest of the block that was being written may have come


def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    peaks = []
    for number, blocks in enumerate((100, 300)):
        folder = RunFolder.create(tmp_path, f"run-{number}")
        _write_blocks(folder, blocks)
        tracemalloc.start()
        csv_tables.export(folder, tmp_path / f"out-{number}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        lines = (tmp_path / f"out-{number}" / "steps.csv").read_text().count("\n")
        assert lines == 64 * blocks + 1
    assert peaks[1] < 1.2 * peaks[0]


def _write_blocks(folder: RunFolder, blocks: int) -> None:
    """Full blocks of 64 steps, without the time that a trainer takes."""
    columns = Columns.of_terms(("stft_loss", *(f"term_{n}" for n in range(7))))
    rows = np.random.default_rng(0).random((64, len(columns.names)), np.float32)
    rows[:, 0] = range(64)
    connection = open_for_writing(folder.store_path)
    with transaction(connection):
        connection.execute("INSERT INTO events VALUES (1, 0.0, 'run', ?)", (encode(started(0, 0)),))
        connection.execute("INSERT INTO sessions VALUES (0, 0, 1000, ?)", (columns.to_json(),))
        connection.executemany(
            "INSERT INTO blocks VALUES (0, ?, 0.0, 0.0, 64, ?)", [(64 * n, rows.tobytes()) for n in range(blocks)]
        )
    connection.close()


def test_a_real_run_s_terms_weights_and_gradients_are_there(trained: Trained, tmp_path: Path) -> None:
    exported(trained("global"), "--to", "csv", "-o", tmp_path)
    steps = table(tmp_path / "steps.csv")
    assert float(steps[0]["stft_loss"]) > 0
    assert any(row["gradient/stft_loss"] for row in steps)
    assert "val/stft_loss" in table(tmp_path / "epochs.csv")[0]


def test_a_run_that_grew_replaces_its_earlier_export(tmp_path: Path) -> None:
    folder = resumed_run(tmp_path)
    exported(folder.path, "--to", "csv", "-o", tmp_path / "out")
    (tmp_path / "out" / "my-own.txt").write_text("mine")
    log_session(folder, 220, 230)
    exported(folder.path, "--to", "csv", "-o", tmp_path / "out")
    assert len(table(tmp_path / "out" / "steps.csv")) == 230
    assert (tmp_path / "out" / "my-own.txt").read_text() == "mine"


HOSTILE = "=cmd|' /C calc'!A0\x9b2J\u202e\n\U000e0041"


def test_text_of_others_moves_no_cursor_and_is_no_formula(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "bells")
    config = {"recipe": HOSTILE, "number": -2.5, "name": "-x"}
    folder.config_path.write_text(tomli_w.dumps(config), encoding="utf-8")
    log_session(folder, 0, 20)
    _add_events(folder, ("note", encode(NoteAdded(20, HOSTILE))), (HOSTILE, b'{"step": "+1", "epoch": -1}'))
    exported(folder.path, "--to", "csv", "-o", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        assert text.replace("\n", "").isprintable(), path
    told = {row["key"]: row["value"] for row in table(tmp_path / "out" / "config.csv")}
    assert told["recipe"] == "'=cmd|' /C calc'!A0\\u009b2J\\u202e\\n\\udb40\\udc41"
    assert (told["number"], told["name"]) == ("-2.5", "'-x")
    *_, note, strange = table(tmp_path / "out" / "events.csv")
    assert json.loads(note["body"])["text"] == HOSTILE
    assert (strange["kind"][:5], strange["step"], strange["epoch"]) == ("'=cmd", "'+1", "-1")


def test_events_of_another_shape_end_no_export(tmp_path: Path) -> None:
    folder = resumed_run(tmp_path)
    good = len(_numbers(folder))
    _add_events(
        folder,
        ("epoch", b'{"epoch": 1, "total_epochs": 2, "train_loss": 1.0, "val_loss": 1.0, "step": "soon"}'),
        ("epoch", b'{"epoch": 1, "total_epochs": 2, "train_loss": 1.0, "val_loss": 1.0, "val_terms": [1]}'),
        ("note", b'{"step": 99999999999999999999999, "text": "far"}'),
        ("note", b'{"step": null}'), ("run", b'{"start_step": "x"}'), ("preview", b'[]'),
        ("news", b'{"seq": -1, "time": "t", "kind": "k", "value": NaN}'), ("news", b"[" * 100_000),
    )  # fmt: skip
    for target in ("csv", "json", "tensorboard"):
        exported(folder.path, "--to", target, "-o", tmp_path / target)
    assert len(table(tmp_path / "csv" / "epochs.csv")) == 22
    document = json.loads((tmp_path / "json").read_text(), parse_constant=pytest.fail)
    assert len(document["epochs"]) == 22
    assert len(document["events"]) == good + 8
    news = document["events"][-2]
    assert (news["seq"], news["kind"]) == (good + 7, "news")
    assert news["data"] == {"seq": -1, "time": "t", "kind": "k", "value": {"$float": "nan"}}
    preview = next(entry for entry in document["events"] if entry["kind"] == "preview")
    assert preview["data"]["kind"] == "sample"


def _numbers(folder: RunFolder) -> list[int]:
    raw = RawRun(folder.store_path)
    try:
        return [event.seq for event in raw.events()]
    finally:
        raw.close()


def _add_events(folder: RunFolder, *events: tuple[str, bytes]) -> None:
    """Events as another version, or another program, might have written them."""
    connection = open_for_writing(folder.store_path)
    with transaction(connection):
        connection.executemany("INSERT INTO events (time, kind, body) VALUES (1.0, ?, ?)", events)
    connection.close()
