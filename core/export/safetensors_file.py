"""A run's averaged weights as a safetensors file, which any framework reads and nothing in it can run."""

import json
from pathlib import Path

from core.export.extras import needed
from core.export.place import Exported, claim_file, writing
from core.export.trained import Trained
from core.run.atomic import atomic_write
from core.run.folder import RunFolder

EXTRA = "safetensors"
PROGRAM = "distill-tui"
MOST_HEADER = 100_000_000  # bytes, the format's own limit


def export(folder: RunFolder, checkpoint: Path, path: Path) -> Exported:
    """Write the weights that are heard, by their names in the model's state dict. Raises ExportError, CheckpointError.

    The metadata are texts: "config" is JSON, enough for `core.training.config_file.from_dict`, and step, recipe and
    sample rate are told once more.
    """
    library = needed("safetensors.torch", EXTRA)
    claim_file(path, _is_ours)
    trained = Trained.load(checkpoint)
    about = {"program": PROGRAM, "run": folder.name, "weights": "averaged over the steps", **trained.about()}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
    data = library.save(trained.weights, {"format": "pt", **texts})
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    return Exported(path, (path,))


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(size)) if 0 < size < MOST_HEADER else {}
        except ValueError:
            return False
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return isinstance(metadata, dict) and metadata.get("program") == PROGRAM
