"""The place for a picture of the selected preview: a tune's piano roll, or a sound's waveform and spectrogram."""

from textual.app import ComposeResult
from textual.containers import Vertical

from core.run.events import PreviewEvent
from distill_tui.panels.preview_picture import PreviewPicture
from distill_tui.panels.roll import PianoRoll
from distill_tui.panels.spectrogram import SpectrogramPicture
from distill_tui.sounds import Scores, Spectra


class Pictures(Vertical):
    """Shows one of its two pictures in the height it is given; with none it takes no room and fetches nothing."""

    DEFAULT_CSS = """
    Pictures { display: none; height: auto; }
    Pictures > PreviewPicture { display: none; height: 1fr; }
    """

    def __init__(self, scores: Scores, spectra: Spectra, id: str | None = None) -> None:
        super().__init__(id=id)
        self.roll = PianoRoll(scores, id="preview-roll")
        self.sound = SpectrogramPicture(spectra, id="preview-spectrogram")

    def compose(self) -> ComposeResult:
        """Both; one is seen at a time."""
        yield self.roll
        yield self.sound

    @property
    def seen(self) -> PreviewPicture | None:
        """The picture that is shown."""
        return next((picture for picture in (self.roll, self.sound) if self.display and picture.display), None)

    @property
    def words(self) -> str:
        """What is seen, in words."""
        return self.seen.words if self.seen is not None else ""

    def show(self, preview: PreviewEvent | None, other: PreviewEvent | None, height: int) -> None:
        """Show this preview in so many lines, on the scale that it shares with the `other` side."""
        self.display = preview is not None and height > 0
        tune = preview is not None and bool(preview.score_path)
        self.roll.display, self.sound.display = self.display and tune, self.display and not tune
        picture = self.seen
        if picture is not None and preview is not None:
            self.styles.height = height
            picture.show(preview, other)

    def move(self, heard: float | None) -> None:
        """The second of the shown preview that is heard now; None while it is silent."""
        if self.seen is not None:
            self.seen.move(heard)
