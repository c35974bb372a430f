"""Takes the README's pictures from real runs: `make pictures`, a few minutes on a laptop.

Trains twice on the demo's sounds (the second time with another setting), then opens each screen on them and saves it as
an SVG file, so that the pictures show what the program shows.
"""

import argparse
import asyncio
import tempfile
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from core.audio.demo import write_demo_sounds
from core.run.shelf import set_baseline
from core.training.config_file import load_config
from core.training.runner import TrainingRunner
from distill_tui.app import DistillApp, Home, Start, Watch
from distill_tui.commands.demo import QUICK

HERE = Path(__file__).parent / "pictures"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Picture:
    """One screen: what is opened, how large, in which theme, and the keys that lead there."""

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = "distill-dark"
    at_home: bool = False


PICTURES = (
    Picture("dashboard", (160, 50)),
    Picture("compare", (120, 36), ("1", "v", *["left"] * 20), "distill-light"),
    Picture("previews", (120, 36), ("3",)),
    Picture("latent", (120, 36), ("4",)),
    Picture("small", (80, 24)),
    Picture("home", (120, 30), at_home=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--only", default="", help="the name of one picture")
    parser.add_argument("--runs", type=Path, help="a folder with the runs `bells` and `baseline` from an earlier time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, chdir(place):  # no path of this machine is seen
        runs = args.runs or Path("runs")
        if not (runs / "bells").is_dir():
            make_runs(Path("bells"), runs, args.epochs)
        for picture in PICTURES:
            if args.only in ("", picture.name):
                asyncio.run(take(picture, runs))


def make_runs(sounds: Path, runs: Path, epochs: int) -> None:
    """A baseline, and a run that differs from it in two settings."""
    write_demo_sounds(sounds)
    for name, changed in (("baseline", {"learning_rate": 5e-4}), ("bells", {"loss.stft.weight": 2.0})):
        settings = {**QUICK, "epochs": epochs, "preview.every": 3, "data.path": str(sounds), "name": name, **changed}
        config, given = load_config(overrides=settings)
        runner = TrainingRunner()
        runner.start(config, given, runs)
        runner.wait()
    set_baseline(runs, runs / "baseline")


async def take(picture: Picture, runs: Path) -> None:
    """Save one picture, when the screen has come to rest."""
    start: Start = Home(runs) if picture.at_home else Watch(runs / "bells")
    app = DistillApp(start, remember_theme=False)
    async with app.run_test(size=picture.size) as pilot:
        app.try_theme(picture.theme)
        await at_rest(pilot, app)
        for key in picture.keys:
            await pilot.press(key)
        await at_rest(pilot, app)
        HERE.mkdir(exist_ok=True)
        (HERE / f"{picture.name}.svg").write_text(app.export_screenshot(title="distill-tui"), encoding="utf-8")


async def at_rest(pilot: Pilot[Any], app: DistillApp) -> None:
    """Wait until the screen has stood still for a second."""
    same, before = 0, ""
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        await pilot.pause(0.1)
        now = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        same, before = (same + 1 if now == before else 0), now
        if same == 10:
            return


if __name__ == "__main__":
    main()
