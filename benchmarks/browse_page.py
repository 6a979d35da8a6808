"""Drive the browser's page as a person does, and measure the time from a key to the next image on the screen.

    python benchmarks/browse_page.py PRODUCT [--shots FOLDER]

It starts ``python -m cxrfactory browse PRODUCT``, opens the page in headless Chromium (Playwright), and then: draws a
range on the first histogram, opens the first image, presses ``j`` at two paces, flags an
image, and downloads a selection in each format that the page offers. The page itself measures from the key's own time
to the frame in which film and masks are drawn (``performance.measure``). Each step must change the page, or the script
stops. ``--shots`` keeps a picture of each step.

The product of ``python benchmarks/browse.py make FOLDER`` has 657,566 rows: ``FOLDER/results/chexmask``.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
AT_REST = "() => document.querySelector('.grid:not(.busy) .card, .panes') && !document.querySelector('.wait')"
TOTAL = "() => document.querySelector('.pager b')?.innerText"
MEASURED = "() => performance.getEntriesByName('key to paint').map((each) => [each.startTime, each.duration])[0]"
PACES = {"a look of 0.7 s at each image": 0.7, "as fast as keys repeat, every 0.12 s": 0.12}


def drive(page: Page, address: str, presses: int, shots: Path | None) -> None:
    """Do what a person does, and print the figures."""
    step = Steps(page, shots)
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(AT_REST)
    step("first page", time.perf_counter() - began)
    total = page.evaluate(TOTAL)
    brush = page.locator(".histogram .brush").first
    brush.scroll_into_view_if_needed()
    box = brush.bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2, steps=4)
    began = time.perf_counter()
    page.mouse.up()
    page.wait_for_function("(old) => document.querySelector('.pager b')?.innerText !== old", arg=total)
    page.wait_for_function(AT_REST)
    step(f"range on a histogram: {page.evaluate(TOTAL)} of {total} rows", time.perf_counter() - began)
    page.keyboard.press("Enter")
    page.wait_for_selector(".panes")
    page.wait_for_function(AT_REST)
    step("one image")
    for name, pause in PACES.items():
        found = np.array([pressed(page, pause) for _ in range(presses)])
        step(f"key to paint, {name}: median {np.median(found):.0f} ms, nine in ten {np.percentile(found, 90):.0f} ms")
    page.keyboard.press("f")
    page.wait_for_selector(".heading .sign.flag, .heading [class*=flag]")
    step("flag")
    for place in range(page.locator(".panes").count() and formats(page)):
        began = time.perf_counter()
        path, name = downloaded(page, place)
        step(f"download of one image, {name}: {path.stat().st_size} bytes", time.perf_counter() - began)
        if zipfile.is_zipfile(path):
            print("   ", ", ".join(zipfile.ZipFile(path).namelist()))


def pressed(page: Page, pause: float) -> float:
    """Press ``j``, and return the milliseconds until the next image is on the screen."""
    before = page.evaluate(MEASURED)
    page.keyboard.press("j")
    page.wait_for_function(
        "(old) => performance.getEntriesByName('key to paint')[0]?.startTime > old", arg=before[0] if before else -1
    )
    page.wait_for_timeout(1000 * pause)
    return page.evaluate(MEASURED)[1]


def formats(page: Page) -> int:
    """Open the dialog once and count its formats."""
    page.click("text=Download")
    count = page.locator("input[name=format]").count()
    page.keyboard.press("Escape")
    return count


def downloaded(page: Page, place: int) -> tuple[Path, str]:
    """Download the open image in one format; return the file and the format's name."""
    page.click("text=Download")
    page.locator("input[name=which]").nth(1).check()
    choice = page.locator("input[name=format]").nth(place)
    choice.check()
    name = choice.locator("xpath=..").inner_text().split("\n")[0]
    with page.expect_download(timeout=120_000) as waiting:
        page.click("dialog button.strong, [role=dialog] button.strong")
    page.wait_for_selector("[role=dialog]", state="detached")
    return Path(waiting.value.path()), name


class Steps:
    """Prints each step, and keeps a picture of it."""

    def __init__(self, page: Page, shots: Path | None) -> None:
        self._page, self._shots, self._number = page, shots, 0

    def __call__(self, words: str, seconds: float | None = None) -> None:
        """Note a step."""
        print(words + ("" if seconds is None else f", {1e3 * seconds:.0f} ms"), flush=True)
        if self._shots is not None:
            self._number += 1
            self._page.screenshot(path=self._shots / f"{self._number:02d}.png")


def main(product: Path, presses: int, shots: Path | None) -> None:
    """Start the server and the browser, and drive the page."""
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "cxrfactory", "browse", str(product), "--no-open",
                   "--verdicts", f"{place}/v.jsonl"]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = next(word for word in server.stdout.readline().split() if word.startswith("http"))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                drive(browser.new_page(viewport={"width": 1280, "height": 800}), address, presses, shots)
                browser.close()
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("product", type=Path)
    parser.add_argument("--presses", type=int, default=40)
    parser.add_argument("--shots", type=Path)
    given = parser.parse_args()
    main(given.product, given.presses, given.shots)
