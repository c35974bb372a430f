"""A run's decoder as TorchScript, for C++ and for Python without this program."""

import io
import json
import warnings
import zipfile
from pathlib import Path

import torch

from core.export.decoders import ready
from core.export.place import Exported, claim_file
from core.export.sidecar import claim_sidecar, write_both
from core.export.trained import Trained
from core.run.folder import RunFolder

MARK = "distill-tui.json"  # a file within the archive, which says where it comes from


def export(folder: RunFolder, checkpoint: Path, path: Path) -> Exported:
    """Write the decoder and its sidecar. Raises ExportError and CheckpointError.

    It is traced, with what only training needs left out, and computes what `generate` computes, operation by operation.
    """
    claim_file(path, _is_ours)
    claim_sidecar(path)
    trained = Trained.load(checkpoint)
    decoder = ready(trained, complex_numbers=True)
    examples = tuple(port.example() for port in decoder.decoder.inputs)
    with warnings.catch_warnings(), torch.no_grad():
        # Newer torch calls TorchScript deprecated at every call, and each constant that it traces a risk.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(decoder.module, examples, check_trace=False)  # type: ignore[no-untyped-call]
        traced = torch.jit.freeze(traced)
        mark = {"program": "distill-tui", "run": folder.name, "step": trained.step}
        archive = io.BytesIO()
        torch.jit.save(traced, archive, _extra_files={MARK: json.dumps(mark)})
    return write_both(path, archive.getvalue(), "torchscript", folder.name, decoder.about)


def _is_ours(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(f"/extra/{MARK}") for name in archive.namelist())
