"""What a person does with the page of browse: one headless Chromium, a page for each test, and its screens."""

import re
import shutil
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Three dimensions without a graphics card.
SOLID = [*(each for each in QUIET if each != "--disable-gpu"), "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DESKTOP = {"viewport": {"width": 1120, "height": 680}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

# The page is at rest when its rows are there and no card and no pane waits for anything.
REST = """() => document.querySelector('.grid:not(.busy) .card, .nothing, .panes') && !document.querySelector('.wait')
  && performance.now() > (window.restless || 0)"""


def start(playwright, options=QUIET):
    """Start Chromium, or skip with the reason why there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    return playwright.chromium.launch(executable_path=CHROMIUM, args=options)


@dataclass
class Screen:
    """One tab with the page of a product.

    Attributes
    ----------
    page
        Playwright's page.
    asked
        Every address that the tab asked for.
    faults
        Faults of scripts, and dialogs that a script opened.
    """

    page: object
    address: str
    asked: list = field(default_factory=list)
    faults: list = field(default_factory=list)

    def open(self, fragment=""):
        """Open the page at a state, as a link does."""
        self.page.goto("about:blank")
        self.page.goto(self.address + fragment)
        return self.rest()

    def rest(self):
        """Wait until the page has drawn what it has to draw."""
        self.page.wait_for_function(REST)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))")
        return self

    def press(self, *keys):
        """Press keys one after the other, each time until the page rests."""
        for key in keys:
            self.page.keyboard.press(key)
            self.rest()
        return self

    def click(self, selector):
        """Click what the selector finds."""
        self.page.click(selector)
        return self.rest()

    def text(self, selector):
        """Return the words of an element, white space made single."""
        return " ".join(self.page.inner_text(selector).split())

    def texts(self, selector):
        """Return the words of all such elements."""
        return [" ".join(words.split()) for words in self.page.locator(selector).all_inner_texts()]

    def fragment(self):
        """Return what stands behind the # of the address, after the page has written it."""
        self.page.wait_for_timeout(150)
        return self.page.evaluate("location.hash")

    def pixels(self, selector):
        """Return the picture of an element as uint8 [rows, columns, BGR]."""
        return cv2.imdecode(np.frombuffer(self.page.locator(selector).first.screenshot(), np.uint8), cv2.IMREAD_COLOR)

    def painted(self, selector="canvas.front"):
        """Return how many pixels of a canvas are not empty."""
        return self.page.evaluate(PAINTED, selector)

    def alone(self):
        """Whether the tab asked nobody but the server of the page."""
        here = re.match(r"https?://[^/]+/[^/]+/", self.address).group()
        return all(
            address.startswith((here, "blob:" + here.split("/", 3)[0], "about:", "data:")) for address in self.asked
        )


# Opacity, 0 to 255, of each pixel of a canvas.
_OPACITIES = """
  const canvas = document.querySelector(selector);
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const opacities = data.filter((_, at) => at % 4 === 3);
"""
PAINTED = f"(selector) => {{ {_OPACITIES} return opacities.filter((value) => value > 0).length; }}"
STRONGEST = f"(selector) => {{ {_OPACITIES} return opacities.reduce((most, value) => Math.max(most, value), 0); }}"

# Name of the focused element, and the width of the line around it.
FOCUSED = """() => {
  const one = document.activeElement;
  return [one.ariaLabel || one.innerText, parseFloat(getComputedStyle(one).outlineWidth)];
}"""

# Controls that a screen reader could not name.
NAMELESS = """() => [...document.querySelectorAll("button, a, input, select")]
  .filter((one) => !(one.innerText || one.ariaLabel || one.labels?.length))
  .map((one) => one.outerHTML)"""

FITS_ACROSS = """() => [document.documentElement, document.querySelector(".main")]
  .every((one) => one.scrollWidth <= innerWidth)"""

# Words whose contrast with their ground is below 4.5 (WCAG 2 AA), with the contrast.
POOR_CONTRAST = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  function ground(one) {
    for (let at = one; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  }
  const wanted = "h1, h2, h3, button:enabled, .count, .name, .id, .figure span, .range, dt, dd, label, .hint, th, td";
  const poor = [];
  for (const one of document.querySelectorAll(wanted)) {
    if (!one.innerText || !one.offsetParent || getComputedStyle(one).opacity < 1) continue;
    const own = luminance(numbers(getComputedStyle(one).color));
    const behind = luminance(ground(one));
    const contrast = (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05);
    if (contrast < 4.5) poor.push([one.innerText.slice(0, 30), contrast]);
  }
  return poor;
}"""


def screen(browser, address, **context):
    """Open a tab of its own, with a clipboard, that notes what it asks for and what goes wrong."""
    place = browser.new_context(**(DESKTOP | context), permissions=["clipboard-read", "clipboard-write"])
    place.set_default_timeout(10_000)
    tab = Screen(place.new_page(), address)
    tab.page.on("request", lambda request: tab.asked.append(request.url))
    tab.page.on("pageerror", lambda fault: tab.faults.append(str(fault)))
    tab.page.on("dialog", lambda dialog: (tab.faults.append("dialog: " + dialog.message), dialog.dismiss()))
    return tab
