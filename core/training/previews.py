"""Previews: drafted by the trainer in a moment, turned into sound and written in a thread of their own."""

import io
import math
import queue
import re
import threading
import time
import zlib
from pathlib import Path

import torch
from torch import Tensor

from core.run.events import PreviewEvent, PreviewKind
from core.run.folder import RunFolder, atomic_write
from core.training.recipe import Heard, PreviewDraft, Recipe

PEAKS = 32
HEADROOM = 0.98


class PreviewMaker:
    """Renders drafts in the background; finished previews wait in `done` for the trainer, who owns the store.

    The trainer loses only what comes before: fitting the density that new sounds are drawn from to up to 256 chunks
    (0.9 s were measured for 106), and a decoder pass. When the disk refuses, `done` hands over the OSError instead.
    """

    def __init__(self, recipe: Recipe, folder: RunFolder) -> None:
        self._recipe, self._folder = recipe, folder
        self._until = math.inf  # of time.monotonic: what is not begun then is left undone
        self._todo: queue.SimpleQueue[tuple[int, int, list[PreviewDraft]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[PreviewEvent | Exception] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="previews", daemon=True)
        self._thread.start()

    def make(self, epoch: int, step: int, drafts: list[PreviewDraft]) -> None:
        """Render these drafts; returns at once."""
        self._todo.put((epoch, step, drafts))

    def done(self) -> list[PreviewEvent | Exception]:
        """What has been finished since the last call."""
        finished = []
        while not self._done.empty():
            finished.append(self._done.get())
        return finished

    def close(self, within: float = math.inf) -> list[PreviewEvent | Exception]:
        """Finish what was asked for, as far as it is begun `within` seconds, end the thread, and hand over the rest."""
        self._until = time.monotonic() + within
        self._todo.put(None)
        self._thread.join()
        return self.done()

    def _work(self) -> None:
        while (job := self._todo.get()) is not None:
            epoch, step, drafts = job
            for draft in drafts:
                if time.monotonic() > self._until:
                    break
                try:
                    for event in render_draft(self._recipe, self._folder, draft, epoch, step):
                        self._done.put(event)
                except Exception as error:  # noqa: BLE001 - handed to the trainer, who reports it and trains on
                    self._done.put(error)


def render_draft(recipe: Recipe, folder: RunFolder, draft: PreviewDraft, epoch: int, step: int) -> list[PreviewEvent]:
    """Write the draft as 16-bit WAV, and its original beside it, both at the original's level; returns their events.

    What was played from a MIDI file is written as one too.
    """
    rendered, original = recipe.render(draft), recipe.original(draft.pair)
    audio = rendered.waveform.nan_to_num()
    path = _free(folder.previews / f"step-{step:08d}-{draft.kind}-{_safe(draft.name)}.wav")

    def written(kind: PreviewKind, heard: Heard, audio: Tensor, path: Path, mrstft: float | None) -> PreviewEvent:
        score = path.with_suffix(".mid") if heard.score else None
        if not path.exists():
            write_wav(path, audio, recipe.sample_rate)
            if score is not None:
                atomic_write(score, heard.score)
        return PreviewEvent(
            epoch=epoch, step=step, kind=kind, name=draft.name, pair=f"{step}:{draft.pair}", mrstft=mrstft,
            audio_path=str(path.relative_to(folder.path)), sample_rate=recipe.sample_rate,
            seconds=audio.numel() / recipe.sample_rate, peaks=peaks(audio), likeness=heard.likeness,
            score_path=str(score.relative_to(folder.path)) if score is not None else "",
        )  # fmt: skip

    if original is None:
        audio = audio * (HEADROOM / audio.abs().max().clamp(min=1e-4)).clamp(max=8.0)
        return [written(draft.kind, rendered, audio, path, None)]
    reference = original.waveform * (HEADROOM / original.waveform.abs().max().clamp(min=1e-4)).clamp(max=1.0)
    audio = level_matched(audio, reference)
    distance = None if rendered.likeness else mrstft_distance(audio, reference)
    original_path = folder.previews / f"original-{_safe(draft.name)}.wav"
    return [
        written("original", original, reference, original_path, None),
        written(draft.kind, rendered, audio, path, distance),
    ]


def level_matched(audio: Tensor, reference: Tensor) -> Tensor:
    """`audio` [samples] at the RMS of `reference`, or as near as full scale allows."""
    gain = reference.square().mean().sqrt() / audio.square().mean().sqrt().clamp(min=1e-6)
    limit = HEADROOM / audio.abs().max().clamp(min=1e-6)
    return audio * torch.minimum(gain, limit)


def mrstft_distance(audio: Tensor, reference: Tensor) -> float:
    """Multi-resolution STFT distance (auraloss defaults) of two waveforms [samples] at equal level; 0 is identical.

    The faint noise on both, 60 dB down, keeps what nobody hears in silent stretches from counting.
    """
    from auraloss.freq import MultiResolutionSTFTLoss

    shortest = 4096
    padding = (0, max(0, shortest - audio.numel()))
    noise = 1e-4 * torch.randn(audio.numel() + padding[1], generator=torch.Generator().manual_seed(0))
    pair = []
    for sound in (audio, reference):
        sound = 0.1 * sound / sound.square().mean().sqrt().clamp(min=1e-8)
        pair.append((torch.nn.functional.pad(sound, padding) + noise)[None, None])
    return float(MultiResolutionSTFTLoss()(*pair))


def peaks(audio: Tensor) -> tuple[float, ...]:
    """A small picture of the waveform: its largest magnitudes in PEAKS equal stretches, 0 to 1."""
    count = min(PEAKS, audio.numel())
    if count == 0:
        return ()
    stretches = audio.abs().tensor_split(count)
    return tuple(round(min(1.0, float(part.max())), 3) for part in stretches)


def write_wav(path: Path, audio: Tensor, sample_rate: int) -> Path:
    """`audio` [samples] as 16-bit WAV, atomically. The reader never sees half a file."""
    import soundfile

    encoded = io.BytesIO()  # libsndfile calls back for every write, and a callback cannot raise what a full disk raises
    soundfile.write(encoded, audio.clamp(-1, 1).numpy(), sample_rate, subtype="PCM_16", format="WAV")
    atomic_write(path, encoded.getbuffer())
    return path


def generate_preview(
    recipe: Recipe, folder: RunFolder, model: torch.nn.Module, epoch: int, step: int
) -> list[PreviewEvent]:
    """Samples from the recipe's fixed latents, written now; returns their events."""
    return _made_now(recipe, folder, model, epoch, step, reconstruction=False)


def generate_reconstruction_preview(
    recipe: Recipe, folder: RunFolder, model: torch.nn.Module, epoch: int, step: int
) -> list[PreviewEvent]:
    """Originals and reconstructions of the recipe's preview sounds, written now; returns their events."""
    return _made_now(recipe, folder, model, epoch, step, reconstruction=True)


@torch.no_grad()
def _made_now(
    recipe: Recipe, folder: RunFolder, model: torch.nn.Module, epoch: int, step: int, reconstruction: bool
) -> list[PreviewEvent]:
    was_training = model.training
    model.eval()
    drafts = [d for d in recipe.draft_previews(model) if (d.kind == "reconstruction") == reconstruction]
    model.train(was_training)
    return [event for draft in drafts for event in render_draft(recipe, folder, draft, epoch, step)]


def _safe(name: str) -> str:
    """A file name from a sound's name; a name that had to change carries a mark of its own, so that no two meet."""
    safe = re.sub(r"[^\w.-]+", "_", name).strip("._-")[:60]
    return safe if safe == name else f"{safe}-{zlib.crc32(name.encode(errors='surrogateescape')):08x}"


def _free(path: Path) -> Path:
    """`path`, or with a number behind it where a step was gone over before: what it sounded like then is kept."""
    taken = (path.with_stem(f"{path.stem}-{number}") for number in range(2, 1000))
    return path if not path.exists() else next(other for other in taken if not other.exists())
