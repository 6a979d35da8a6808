"""The pane of a heart's mesh in headless Chromium: what a person sees, turns and presses."""

import numpy as np
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright's Python package is not installed")
pytest.importorskip("starlette", reason="the extra [browse] is not installed")

from cxrfactory.products.hearts.montage import COLOURS  # noqa: E402
from tests.browse import driver, page_products  # noqa: E402
from tests.products.hearts.packed import pack, shards_of  # noqa: E402

OPEN = "#image=3&opacity=100"  # a/ED/sax-3


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hearts")
    with page_products.served(pack(folder, shards_of(folder)), folder / "verdicts.jsonl") as found:
        yield found


@pytest.fixture(scope="module")
def playwright():
    with sync_api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def solid(playwright):
    """A browser that draws in three dimensions."""
    browser = driver.start(playwright, driver.SOLID)
    yield browser
    browser.close()


@pytest.fixture
def page(solid, address):
    screen = driver.screen(solid, address).open(OPEN)
    yield screen
    faults, alone = screen.faults, screen.alone()
    screen.page.context.close()
    assert faults == []
    assert alone


def _share(screen, organ):
    """Share of the mesh's pane whose hue is that of an organ, however the light falls on it."""
    bgr = screen.pixels(".stage.turns").astype(float)
    wanted = np.array(COLOURS[organ][::-1], float)
    length = np.linalg.norm(bgr, axis=-1)
    cosine = (bgr @ wanted) / np.maximum(length, 1) / np.linalg.norm(wanted)
    return float(((length > 60) & (cosine > 0.985)).mean())


def test_organs_are_seen_in_their_colours_and_go_with_their_keys(page):
    assert page.text(".stage.turns + figcaption") == "mesh"
    assert _share(page, "lv_myocardium") > 0.02
    assert _share(page, "ra") > 0.003
    page.press("5")
    assert _share(page, "ra") < 0.0005  # where two others meet a few pixels mix to its hue
    page.press("5", " ")
    # The space bar leaves the slice and its border alone, which has the hue of the pulmonary artery.
    assert max(_share(page, organ) for organ in ("lv", "lv_myocardium", "rv", "ra", "la")) < 0.0005
    assert page.pixels(".stage.turns").max() > 100


def test_letters_tell_the_side_and_keys_turn_it(page):
    def letters():
        places = page.page.evaluate("""() => [...document.querySelectorAll(".side-letter")].map(
            (one) => [one.innerText, Math.round(parseFloat(one.style.left)), Math.round(parseFloat(one.style.top))])""")
        return {letter: (left, top) for letter, left, top in places}

    assert letters() == {"L": (96, 50), "R": (4, 50), "H": (50, 4), "F": (50, 96)}  # from the front
    front = page.pixels(".stage.turns")
    page.page.focus(".stage.turns")
    page.press(*["ArrowRight"] * 12)  # a quarter turn: the front goes to the right
    assert letters() == {"A": (96, 50), "P": (4, 50), "H": (50, 4), "F": (50, 96)}
    assert "image=3" in page.fragment()  # the arrows turned the mesh and did not change the image
    assert (page.pixels(".stage.turns") != front).any()
    page.page.dblclick(".stage.turns")
    page.rest()
    assert set(letters()) == set("LRHF")


def test_the_organ_under_the_pointer_is_named_with_its_uncertainty(page):
    box = page.page.locator(".stage.turns").bounding_box()
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.55)
    page.rest()
    assert page.text(".stage.turns .tip") == "lv myocardium ± 0.500 mm"


def test_uncertainty_replaces_the_colours(page):
    page.press("n")
    assert page.text(".stage.turns .legend") == "uncertainty: blue 0 mm, yellow 1 mm and more"
    assert _share(page, "ra") == 0
    page.press("n")
    assert _share(page, "ra") > 0.003


def test_the_next_image_keeps_the_view_and_the_slice_moves(page):
    page.page.focus(".stage.turns")
    page.press(*["ArrowUp"] * 4)
    page.page.evaluate("document.activeElement.blur()")
    before = page.pixels(".stage.turns")
    page.open(OPEN.replace("image=3", "image=5"))
    page.page.focus(".stage.turns")
    assert (page.pixels(".stage.turns") != before).any()
    page.press("s")
    assert page.page.locator(".stage.turns").count() == 0


def test_without_three_dimensions_the_slice_stays_and_the_reason_is_said(playwright, address):
    browser = driver.start(playwright, [*driver.QUIET, "--disable-3d-apis"])
    screen = driver.screen(browser, address).open(OPEN)
    assert screen.text(".reason") == "This browser shows nothing in three dimensions (WebGL is off)."
    assert screen.painted() > 0
    assert screen.faults == []
    browser.close()


def test_other_products_have_no_mesh(client):
    assert client.json("product")["meshes"] is False
    assert client.get("surfaces").json() == {"reason": "this product has no meshes"}
    assert client.get("mesh/0").status_code == 404
