"""A run's decoder as ONNX, for runtimes that know nothing of torch."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from core.export.decoders import Ready, ready
from core.export.extras import needed
from core.export.onnx_operators import WithKnownOperators
from core.export.place import Exported, ExportError, claim_file
from core.export.sidecar import claim_sidecar, write_both
from core.export.trained import Trained
from core.run.folder import RunFolder

EXTRA = "onnx"
OPSET = 18
SPARE = 8
TAKES = "writing ONNX, about half a minute"
PRODUCER = "distill-tui"
HEAD_BYTES = 64  # of a file, within which the producer's name stands


def export(
    folder: RunFolder, checkpoint: Path, path: Path, tell: Callable[[str], None] = lambda words: None
) -> Exported:
    """Write the decoder and its sidecar; `tell` hears, once nothing is in the way, how long that takes.

    Raises ExportError and CheckpointError.
    """
    onnx = needed("onnx", EXTRA)
    needed("onnxscript", EXTRA)
    claim_file(path, _is_ours)
    claim_sidecar(path)
    trained = Trained.load(checkpoint)
    decoder = ready(trained, complex_numbers=False)
    tell(TAKES)
    with _quiet():
        model = _converted(decoder, path)
    model.producer_name = PRODUCER
    about = {"run": folder.name, "step": str(trained.step), "checkpoint": trained.path.name}
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    return write_both(path, model.SerializeToString(), "onnx", folder.name, decoder.about)


def _converted(decoder: Ready, path: Path) -> Any:
    """The ModelProto."""
    ports = decoder.decoder.inputs
    sides = {side: torch.export.Dim(side, min=1) for port in ports for side in port.free().values()}
    shapes = tuple({place: sides[side] for place, side in port.free().items()} for port in ports)
    # Behind the tokens a decoder puts a few places of its own.
    module = WithKnownOperators(decoder.module, longest=decoder.about.get("longest", 1) + SPARE)
    with torch.no_grad():
        examples = tuple(port.example() for port in ports)
        program = torch.export.export(module, examples, dynamic_shapes=(shapes,), strict=False)
        try:
            converted = torch.onnx.export(
                program, (), input_names=[port.name for port in ports], output_names=[decoder.decoder.output.name],
                opset_version=OPSET, external_data=False, verbose=False,
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(f"{path}: this torch ({torch.__version__}) cannot write it as ONNX; use 2.13") from error
    assert converted is not None
    return converted.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its whole progress, and warns of packages that it does not need."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return PRODUCER.encode() in file.read(HEAD_BYTES)
