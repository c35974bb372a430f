"""The bottom line: what is of use where one is, and always a way to everything else."""

import pytest

from tests.fakes import FakeLink
from tests.tui.conftest import Monitor


def offered(text: str) -> str:
    return text.splitlines()[-1].strip()


@pytest.mark.parametrize(
    ("key", "first"),
    [("1", "v cursor   [ zoom out   ] zoom in"), ("2", "z fold   * pin   / filter"), ("3", "space play   a A/B"),
     ("4", "esc back"), ("5", "= set   esc back"), ("6", "esc back"), ("7", "= set   esc back"), ("8", "N note")],
)  # fmt: skip
@pytest.mark.parametrize("width", [60, 80, 120])
async def test_full_screen_the_panels_own_keys_come_first(monitor: Monitor, key: str, first: str, width: int) -> None:
    async with monitor(size=(width, 30)) as seen:
        assert offered(seen.text).startswith("space play")
        await seen.press(key)
        await seen.until(lambda: "esc back" in offered(seen.text))
        shown = offered(seen.text)
        assert shown.startswith(first if width > 60 else first.split("   ")[0])
        assert ("play" in shown) == (key == "3")


async def test_a_run_that_is_over_has_nothing_to_set(monitor: Monitor) -> None:
    link = FakeLink()
    link.complete("finished")
    async with monitor(link) as seen:
        await seen.press("7")
        await seen.until(lambda: offered(seen.text).startswith("esc back   r resume"))


@pytest.mark.parametrize("width", [44, 60, 91, 120])
async def test_the_palette_has_a_mouse_target_at_every_width(monitor: Monitor, width: int) -> None:
    async with monitor(size=(width, 24)) as seen:
        for key in ("1", "1"):
            shown = offered(seen.text)
            assert shown.endswith("ctrl+p palette" if width > 90 else "…")
            assert "q quit   ? help" in shown
            await seen.press(key)
        row = seen.board.query_one("#keybar").region.y
        await seen.pilot.click(offset=(width - 2, row))
        await seen.until(lambda: type(seen.app.screen).__name__ == "CommandPalette")
