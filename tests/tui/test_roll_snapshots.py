"""Pictures of a run on tunes, whose selected preview is seen as a piano roll; look at them when they change."""

from collections.abc import Callable

import pytest

from core.midi.files import midi_bytes
from core.midi.vocabulary import Note
from core.run.events import PreviewEvent, TermInfo
from distill_tui.player import Player
from tests.fakes import FakeLink
from tests.tui.conftest import Watched, pictured, settled, steady

Snap = Callable[..., bool]

TERMS = (
    TermInfo("total_loss", "total", "total", judged=False),
    TermInfo("recon_base_reconstruction", "tokens", "reconstruction"),
    TermInfo("kl_raw", "KL", "kl", judged=False),
    TermInfo("constraint_rhythm", "rhythm", "constraints"),
)
MELODY = (67, 71, 74, 79, 78, 74, 71, 69, 67, 66, 64, 62, 64, 66, 67, 67)
CHORDS = ((43, 55, 59, 62), (48, 55, 60, 64), (50, 57, 62, 66), (43, 55, 59, 62))
BAR = 128  # steps


def tune(kind: str) -> list[Note]:
    """Eight bars; the reconstruction misses some notes and varies their loudness."""
    notes = []
    for bar in range(8):
        chord = CHORDS[bar % 4]
        notes += [Note(bar * BAR, bar * BAR + BAR - 8, pitch, 2) for pitch in chord]
        notes += [
            Note(bar * BAR + 32 * i, bar * BAR + 32 * i + 28, MELODY[(4 * bar + i) % 16], (bar + i) % 6)
            for i in range(4)
        ]
    return [note for i, note in enumerate(notes) if kind == "original" or i % 7]


class TuneLink(FakeLink):
    """A made-up run whose previews are tunes of 16 seconds."""

    def fetch(self, artifact: str) -> bytes:
        kind = "original" if "original" in artifact else "reconstruction"
        return midi_bytes(tune(kind)) if artifact.endswith(".mid") else super().fetch(artifact)

    def _previews(self, epoch: int) -> None:
        for kind, likeness in (("original", ""), ("reconstruction", "notes 0.62")):
            path = f"previews/{epoch:04d}-{kind}"
            peaks = tuple((i % 8 + 2) / 10 for i in range(32))
            self.emit(
                PreviewEvent(epoch, f"{path}.wav", 32_000, self.step, kind, "reel-01", "reel", 16.4, None, peaks,  # type: ignore[arg-type]
                             f"{path}.mid", likeness)
            )  # fmt: skip


CASES: dict[str, tuple[tuple[int, int], str, tuple[str, ...]]] = {
    "tunes_80x24_dark": ((80, 24), "distill-dark", ()),
    "tunes_120x40_dark": ((120, 40), "distill-dark", ()),
    "tunes_200x60_light": ((200, 60), "distill-light", ()),
    "tunes_full_80x24_terminal": ((80, 24), "distill-terminal", ("tab", "tab", "enter")),
    "tunes_full_120x40_dark": ((120, 40), "distill-dark", ("tab", "tab", "tab", "down", "enter")),
}


@pytest.mark.parametrize("case", CASES)
def test_picture(case: str, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch) -> None:
    size, theme, keys = CASES[case]
    monkeypatch.setattr(Player, "look", lambda self: None)
    link = TuneLink(terms=TERMS, name="reels-01")

    async def then(seen: Watched) -> None:
        await seen.pilot.press(*keys)
        await settled(seen)
        previews = seen.board.query_one("#previews")
        await seen.until(lambda: previews.roll.words or not previews.roll.display)  # type: ignore[attr-defined]
        await steady(seen)

    app, prepare = pictured(link, theme, then)
    assert snap_compare(app, terminal_size=size, run_before=prepare)
