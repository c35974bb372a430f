"""Runs for reports: made up, with sounds that can be told apart, and with everything that may be in one."""

from dataclasses import dataclass, field

from core.run.events import AdviceTaken, AdviceUndone, NoteAdded, Remedy, Reported, RolledBack, ValueSet
from core.run.link import LinkError
from tests.cli.web_runs import samples, wav
from tests.fakes import FakeLink

HOSTILE = "<script>document.title = 'taken'</script></style>\"'&\x1b[2J\u202e"


@dataclass
class SoundingLink(FakeLink):
    """Each preview is noise of its own of 1.5 s; `files` are other files of the run. Counts what was `fetched`."""

    files: dict[str, bytes] = field(default_factory=dict)
    frames: int = 12_000
    fetched: list[str] = field(default_factory=list)

    def fetch(self, artifact: str) -> bytes:
        self.fetched.append(artifact)
        if artifact in self.files:
            return self.files[artifact]
        if not artifact.startswith("previews/"):
            raise LinkError(f"{artifact!r}: not a file of this run")
        return wav(samples(sum(artifact.encode()), frames=self.frames))


def eventful(name: str = "bells-03") -> SoundingLink:
    """A live run in which much has happened."""
    link = SoundingLink(steps=1184, name=name)
    link.warn()
    link.advance(40)
    link.emit(NoteAdded(link.step, f"heard the gong {name}"))
    link.emit(ValueSet(link.step, "loss.kl.weight_max", 0.01, 0.005))
    link.calm()
    link.advance(64)
    link.warn("danger", "nan-1")
    remedy = Remedy("set", "Halve the learning rate", "learning_rate", 2.5e-4, True)
    link.emit(AdviceTaken("a1", link.step, "nan-1", "Diverging", remedy, "auto", 5e-4))
    link.emit(AdviceUndone("a1", link.step))
    link.emit(RolledBack(link.step, 900, 0.5, "three steps in a row were not finite"))
    link.emit(Reported("one listener was dropped"))
    return link
