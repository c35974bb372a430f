"""The readable file beside an exported decoder: what goes in and out, how to draw a latent, and a program that runs."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from core.export.place import FORMAT, Exported, claim_file, is_export_document, settle, writing
from core.run.atomic import atomic_file
from core.run.plain import to_json_ready

SUFFIX = ".json"
Runtime = Literal["onnx", "torchscript"]

_DRAWN = """\
import json, numpy as np, {imports}
about = json.load(open({sidecar})); d = {{k: np.array(v, "float32") for k, v in about["density"].items()}}
rng, h = np.random.default_rng(0), d["bandwidth"]
p = (1 - h**2) ** 0.5 * rng.choice(d["points"]) + h * d["spread"] * rng.standard_normal(len(d["spread"]))
latent = (d["mean"] + p @ d["directions"]).reshape(1, *about["inputs"][0]["shape"][1:]).astype("float32")
"""
_EXAMPLES: dict[tuple[Runtime, str], tuple[str, str]] = {
    ("onnx", "audio"): (
        "onnxruntime, soundfile",
        'waveform = onnxruntime.InferenceSession({file}).run(None, {{"latent": latent}})[0]\n'
        'soundfile.write("new.wav", waveform[0, 0], about["sample_rate"])\n',
    ),
    ("torchscript", "audio"): (
        "torch, soundfile",
        "waveform = torch.jit.load({file})(torch.from_numpy(latent)).numpy()\n"
        'soundfile.write("new.wav", waveform[0, 0], about["sample_rate"])\n',
    ),
    ("onnx", "midi"): (
        "onnxruntime",
        "session, tokens = onnxruntime.InferenceSession({file}), [-1]\n"
        'while len(tokens) < about["longest"]:\n'
        '    logits = session.run(None, {{"latent": latent, "tokens": np.array([tokens])}})[0][0, -1]\n'
        "    tokens.append(int(logits.argmax()))\n"
        "print(tokens[1:])\n",
    ),
    ("torchscript", "midi"): (
        "torch",
        "decoder, tokens = torch.jit.load({file}), [-1]\n"
        'while len(tokens) < about["longest"]:\n'
        "    logits = decoder(torch.from_numpy(latent), torch.tensor([tokens]))[0, -1]\n"
        "    tokens.append(int(logits.argmax()))\n"
        "print(tokens[1:])\n",
    ),
}


def sidecar_of(path: Path) -> Path:
    """Where the sidecar of the decoder at `path` is."""
    return path.with_name(path.name + SUFFIX)


def claim_sidecar(path: Path) -> None:
    """Raise ExportError where the sidecar of `path` would take the place of another file."""
    claim_file(sidecar_of(path), is_export_document)


def write_both(path: Path, data: bytes, runtime: Runtime, run: str, about: dict[str, Any]) -> Exported:
    """Write a decoder and its sidecar, both or neither. Raises ExportError."""
    sidecar = sidecar_of(path)
    imports, use = _EXAMPLES[runtime, str(about["recipe"])]
    program = (_DRAWN + use).format(imports=imports, file=repr(path.name), sidecar=repr(sidecar.name))
    body = {
        "format": FORMAT, "to": runtime, "run": run, "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(), "example": program.splitlines(), **about,
    }  # fmt: skip
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(sidecar) as beside, atomic_file(path) as decoder:
            beside.write(_readable(to_json_ready(body)))
            decoder.write(data)
            settle([beside, decoder])
    return Exported(path, (path, sidecar))


def _readable(body: dict[str, Any]) -> bytes:
    """One line for each of what it says, long tables too."""
    lines = ",\n".join(f"{json.dumps(name)}: {_value(name, value)}" for name, value in body.items())
    return f"{{{lines}}}\n".encode()


def _value(name: str, value: Any) -> str:
    if name in ("inputs", "outputs", "example", "notes", "tokens"):
        return json.dumps(value, indent=1)
    return json.dumps(value)
