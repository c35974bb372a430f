"""A report in a real browser: it asks for nothing, its sounds switch in place, and all of it can be read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.insight.landscape_record import FOLDER, JSON_NAME, Landscape, Surface, encode
from distill_tui.report.page import report
from tests.cli.browser import Page, browser
from tests.report.made_up_runs import SoundingLink, eventful

# The weakest contrast of any text, and the text: WCAG's measure against the nearest ground that is painted.
CONTRAST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => color.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = rgb(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let weakest = [99, ""], found = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || !element.getClientRects().length || element.closest("title")) continue;
    const style = getComputedStyle(element), color = rgb(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found++;
    if (ratio < weakest[0]) weakest = [ratio, node.textContent.trim().slice(0, 60)];
  }
  return [...weakest, found];
})()"""

# Controls that nobody can name, headings that skip a level, pictures without words.
UNNAMED = """(() => {
  const wrong = [];
  for (const control of document.querySelectorAll("button, input, audio, summary, a")) {
    const name = control.getAttribute("aria-label") || control.textContent.trim() || control.labels?.[0]?.textContent;
    if (!name) wrong.push(control.outerHTML.slice(0, 80));
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) wrong.push(heading.textContent);
    level = own;
  }
  for (const picture of document.querySelectorAll("svg")) {
    const words = picture.getAttribute("aria-label") || picture.getAttribute("aria-hidden");
    if (!words && !picture.parentElement.closest("svg")) wrong.push(picture.outerHTML.slice(0, 80));
  }
  return wrong;
})()"""


def everything() -> SoundingLink:
    """A run with a landscape as well."""
    link = eventful()
    places = tuple(x / 5 for x in range(-5, 6))
    surface = Surface(places, tuple(tuple(1.2 + x * x + (y - 0.2) ** 2 for x in places) for y in places))
    landscape = Landscape(link.name, "best.pt", 420, 30, "total_loss", "total", 1.2, 6, 0, surface=surface)
    link.files[f"{FOLDER}/{JSON_NAME}"] = encode(landscape)
    return link


@asynccontextmanager
async def opened(folder: Path, *, width: int = 1280, scheme: str = "light", script: bool = True) -> AsyncIterator[Page]:
    path = folder / "report.html"
    path.write_text(report(everything(), 20).html, encoding="utf-8")
    async with browser(folder / "profile", width, 900) as page:
        for part in ("Network", "Log", "Runtime", "Page"):
            await page.call(f"{part}.enable")
        size: dict[str, Any] = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        await page.call("Emulation.setDeviceMetricsOverride", **size)
        await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await page.call("Emulation.setScriptExecutionDisabled", value=not script)
        await page.call("Page.navigate", url=path.as_uri())
        await page.until("document.readyState === 'complete' && location.protocol === 'file:'")
        yield page


async def click(page: Page, selector: str) -> None:
    box = await page.value(
        f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center', behavior: "
        "'instant'}); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    await page.click(*box)


async def test_original_and_reconstruction_switch_in_place_and_nothing_is_asked_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as page:
        await click(page, "#s1 .play")
        await page.until("player.position > 0.2")
        assert await page.value("player.now.take.querySelector('.epoch').textContent.trim()") == "epoch 40"
        before = await page.value("player.position")
        await page.type("a")
        after = await page.until("player.now.take.classList.contains('original') && player.position")
        assert before <= after < before + 0.6
        assert await page.value("document.querySelector('#s1 .ab').getAttribute('aria-pressed')") == "true"
        await page.type("a")
        await page.until("player.now.take.querySelector('.epoch').textContent.trim() === 'epoch 40'")
        await page.until("player.now === null")  # 1.5 s long
        await click(page, "#s1 .row")
        await page.until("player.now?.take.querySelector('.epoch').textContent.trim() === 'epoch 5'")
        await page.until("player.now?.take.querySelector('.epoch').textContent.trim().startsWith('epoch 10')")
        await click(page, "#s1 .play")
        await page.until("player.now === null")

        seconds = "player.sound(document.querySelector('#s1-0')).then((sound) => sound.duration)"
        assert abs(await page.value(seconds) - 1.5) < 0.001
        assert [url for url in page.asked if not url.startswith(("data:", "file:"))] == []
        resources = "performance.getEntriesByType('resource').filter((each) => !each.name.startsWith('data:')).length"
        assert await page.value(resources) == 0
        assert page.complaints == []
        refused = (
            "new Promise((done) => { document.addEventListener('securitypolicyviolation', (event) => "
            "done(event.violatedDirective)); new Image().src = 'http://127.0.0.1:9/x'; })"
        )
        assert await page.value(refused) == "img-src"


async def test_the_pointer_reads_every_chart_at_its_step(tmp_path: Path) -> None:
    async with opened(tmp_path) as page:
        box = await page.value(
            "(() => { const area = document.querySelector('[data-chart] .area'); "
            "area.scrollIntoView({behavior: 'instant'}); "
            "const b = area.getBoundingClientRect(); return [b.x, b.y, b.width]; })()"
        )
        height = await page.value("document.documentElement.scrollHeight")
        usual = await page.value("document.querySelector('[data-row=train]').textContent")
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] / 2, y=box[1] + 40)
        assert await page.until("document.querySelector('.at').textContent.startsWith('step 644')")
        steps = "[...document.querySelectorAll('#curves .at')].map((e) => e.textContent.split(' · ')[0])"
        assert set(await page.value(steps)) == {"step 644"}
        assert await page.value("document.documentElement.scrollHeight") == height  # nothing jumps
        assert "Share" in await page.value("document.querySelector('#balance h3').textContent")
        assert " %" in await page.value("document.querySelector('#balance .at').textContent")
        await page.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
        await page.until(f"document.querySelector('[data-row=train]').textContent === {usual!r}")


async def test_all_of_it_can_be_read_in_light_and_dark_and_on_a_phone(tmp_path: Path) -> None:
    for scheme, width in (("light", 1280), ("dark", 380)):
        folder = tmp_path / scheme
        folder.mkdir()
        async with opened(folder, width=width, scheme=scheme) as page:
            await page.value("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
            weakest, text, found = await page.value(CONTRAST)
            assert found > 200
            assert weakest >= 4.5, text
            assert await page.value(UNNAMED) == []
            assert await page.value("document.documentElement.scrollWidth") <= width


async def test_without_script_the_sounds_are_the_browsers_own(tmp_path: Path) -> None:
    async with opened(tmp_path, script=False) as page:
        shown = "[...document.querySelectorAll('#s1 > .takes audio')].every((audio) => audio.getClientRects().length)"
        assert await page.value(shown)
        assert not await page.value("document.querySelector('#s1 .controls').getClientRects().length")
        assert await page.value("document.querySelectorAll('[data-chart] path.line').length") > 5
