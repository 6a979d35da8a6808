"""Open an export of DICOM segmentations in OHIF, in headless Chromium, and see that the masks are painted.

OHIF (https://ohif.org, MIT) is a web viewer; npm's `@ohif/app` holds it ready built:

    npm pack @ohif/app@3.13.2 && tar xzf ohif-app-3.13.2.tgz        # makes package/dist
    python -m cxrfactory export dicom-seg results/chexmask --images ID --with-images --output seg
    python benchmarks/ohif.py package/dist seg --picture ohif.png

The files are loaded as a user loads them, through the page for local files, and nothing is asked of the network. The
script fails if the segmentation does not load, a segment is not listed, or its colour does not appear over the image.
It needs `pip install playwright` and a Chromium (`--chromium`). Not part of the tests: OHIF is 200 MB.
"""

import argparse
import io
import re
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

CONFIG = b"""
window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 2, showCPUFallbackMessage: false, showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true, investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'dicomlocal',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomlocal', sourceName: 'dicomlocal',
    configuration: { friendlyName: 'local files' },
  }],
};
"""
CHROMIUM = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]  # fmt: skip
NEAR = 60  # largest difference of an outline's pixel from a segment's colour, summed over red, green and blue
PAINTED = 50  # pixels of an outline that must appear
SETTLE_MS = 6000  # time for the drawing, which no event announces


class Page(SimpleHTTPRequestHandler):
    """Serve OHIF with our config; paths of the viewer itself get its page."""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/app-config.js":
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write(CONFIG)
            return
        if not Path(self.translate_path(path)).is_file():
            self.path = "/index.html"
        super().do_GET()

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dist", type=Path, help="folder of OHIF's built viewer")
    parser.add_argument("export", type=Path, help="folder of `export dicom-seg --with-images`")
    parser.add_argument("--picture", type=Path, help="PNG to write of what is seen")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--debug", type=Path, help="folder for pictures of every step")
    parser.add_argument("--timeout", type=int, default=120, help="seconds to wait for each step")
    options = parser.parse_args()
    files = sorted(options.export.rglob("*.dcm"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, directory=str(options.dist)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return look(f"http://127.0.0.1:{server.server_port}", files, options)
    finally:
        server.shutdown()


def look(address, files, options):
    from playwright.sync_api import sync_playwright

    labels = list(segments(files))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(options.timeout * 1000)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        before, after, shown = Viewer(page, address, options.debug).see(files, labels)
        browser.close()
    if options.picture:
        Image.open(io.BytesIO(after)).quantize(128).save(options.picture, optimize=True)
    outside = [url for url in asked if not url.startswith((address, "blob:", "data:"))]
    return judge(files, before, after, shown, outside)


class Viewer:
    """OHIF as a user handles it."""

    def __init__(self, page, address, debug):
        self.page, self.address, self.debug, self.steps = page, address, debug, 0

    def step(self, name):
        self.steps += 1
        if self.debug:
            self.debug.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.debug / f"{self.steps}_{name}.png")

    def see(self, files, labels):
        """Return pictures before and after the segmentation is opened, and the labels that the page shows."""
        page = self.page
        page.goto(f"{self.address}/local")
        page.wait_for_selector("input[type=file]", state="attached")
        page.locator("input[type=file]").first.set_input_files([str(path) for path in files])
        page.wait_for_url(lambda url: "/local" not in url)
        page.get_by_text(re.compile(r"(^|/)SEG(/|$)")).first.click()
        self.step("list")
        page.get_by_text("Segmentation", exact=True).first.click()
        page.wait_for_url("**/segmentation**")
        page.get_by_text("Masks of cxrfactory").first.wait_for()
        page.wait_for_function("document.querySelectorAll('canvas').length > 0")
        page.wait_for_timeout(SETTLE_MS)
        before = page.screenshot()
        self.step("image")
        page.get_by_text("Masks of cxrfactory").first.dblclick()
        page.wait_for_timeout(SETTLE_MS)
        self.step("opened")
        question = page.get_by_text("Yes", exact=True)  # whether to open the segmentation; not every mode asks
        if question.count():
            question.click()
        for label in labels:
            page.get_by_text(label, exact=True).first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        page.mouse.move(5, 790)
        after = page.screenshot()
        self.step("masks")
        return before, after, [label for label in labels if page.get_by_text(label, exact=True).count()]


def segments(files):
    """Return the colour of each segment by its label: red, green, blue."""
    from highdicom.color import CIELabColor

    found = {}
    for path in files:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for segment in header.get("SegmentSequence") or ():
            values = segment.RecommendedDisplayCIELabValue
            found[segment.SegmentLabel] = CIELabColor.from_dicom_value(values).to_rgb(clip=True)
    return found


def judge(files, before, after, shown, outside):
    """Print what was seen; return the exit status, 0 only if all was seen."""
    pictures = [np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int) for each in (before, after)]
    right = 0
    for label, colour in segments(files).items():
        counts = [int((np.abs(each - colour).sum(axis=2) < NEAR).sum()) for each in pictures]
        seen = label in shown and counts[1] >= counts[0] + PAINTED
        right += seen
        print(f"{label}: colour {colour}, {counts[0]} pixels before, {counts[1]} after: {'' if seen else 'NOT '}seen")
    print(f"requests outside: {len(outside)}")
    return 0 if right and right == len(segments(files)) and not outside else 1


if __name__ == "__main__":
    sys.exit(main())
