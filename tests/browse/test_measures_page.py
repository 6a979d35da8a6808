"""Measurements on the page, in headless Chromium: the list beside an image, and their lines on it."""

import numpy as np
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright's Python package is not installed")
pytest.importorskip("starlette", reason="the extra [browse] is not installed")

from tests.browse import driver, page_products  # noqa: E402
from tests.browse.measured_products import rows  # noqa: E402

BOX = "input[data-measure=heart_width]"
# Opacities of one row of pixels of the canvas of lines.
LINE = """(y) => {
  const canvas = document.querySelector("canvas.lines");
  const data = canvas.getContext("2d").getImageData(0, y, canvas.width, 1).data;
  return [...data.filter((_, at) => at % 4 === 3)];
}"""
SIZE = "() => { const { width, height } = document.querySelector('canvas.lines'); return [width, height]; }"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = driver.start(playwright)
        yield started
        started.close()


@pytest.fixture
def at(browser, results, tmp_path):
    """Open the page of a product; afterwards no script may have failed or asked elsewhere."""
    opened, servers = [], []

    def open_page(name="chexmask", fragment="", **context):
        servers.append(page_products.served(results[0] / name, tmp_path / f"{name}.jsonl", results[1]))
        opened.append(driver.screen(browser, servers[-1].__enter__(), **context))
        return opened[-1].open(fragment)

    yield open_page
    told = [(screen.faults, screen.alone()) for screen in opened]
    for screen, server in zip(opened, servers, strict=True):
        screen.page.context.close()
        server.__exit__(None, None, None)
    assert told == [([], True)] * len(opened)


def lines(screen):
    return screen.painted("canvas.lines")


def of(results, image_id, name):
    return next(
        row for row in rows(results[0] / "measure") if (row["image_id"], row["measurement"]) == (image_id, name)
    )


def test_a_line_ends_where_its_two_points_are(at, results):
    screen = at(fragment="#image=12&measures=ctr_rows")
    row = of(results, screen.text(".heading h2"), "ctr_rows")
    (x0, y), (x1, same), (_, other), _ = ((point["x"], point["y"]) for point in row["points"])
    assert y == same != other, "the heart's width lies in one row, that of the lungs in another"
    width, height = screen.page.evaluate(SIZE)
    scale = min(width / 48, height / 64)  # the whole image of 64 x 48 px
    left, top = (width - 48 * scale) / 2, (height - 64 * scale) / 2
    opacities = np.array(screen.page.evaluate(LINE, round(top + (y + 0.5) * scale)))
    painted = np.flatnonzero(opacities > 127)
    dot = 3.5  # radius of the dots at the ends, screen pixels
    assert painted[0] == pytest.approx(left + (x0 + 0.5) * scale - dot, abs=1.5)
    assert painted[-1] == pytest.approx(left + (x1 + 0.5) * scale + dot, abs=1.5)
    assert np.diff(painted).max() == 1
    assert painted[-1] - painted[0] > 10 * scale


def test_the_list_has_values_grades_and_what_is_left_out(at, results):
    screen = at(fragment="#image=12")
    image_id = screen.text(".heading h2")
    mine = [row for row in rows(results[0] / "measure") if row["image_id"] == image_id]
    known = [row for row in mine if row["value"] is not None]
    assert len(screen.texts(".measure")) == len(known)
    assert screen.text(".measures .count") == f"{len(known)} with a value"
    ratio = of(results, image_id, "ctr_rows")
    words = screen.text(".measure:has([data-measure=ctr_rows])")
    assert words.startswith("Cardiothoracic ratio (row widths, lungs)")
    assert ratio["grade"] in words
    assert f"{ratio['value']:.3f}" in words
    screen.page.click(".excluded-measures summary")
    left_out = screen.texts(".excluded-measures dd")
    assert left_out == [row["excluded"] for row in mine if row["value"] is None]
    assert len(left_out) > 3


def test_a_measurement_is_drawn_while_pointed_at_and_stays_when_chosen(at):
    screen = at(fragment="#image=12")
    assert lines(screen) == 0
    screen.page.hover(".measure:has([data-measure=heart_width])")
    assert lines(screen.rest()) > 300
    screen.page.mouse.move(5, 5)
    assert lines(screen.rest()) == 0
    screen.click(BOX)
    screen.page.mouse.move(5, 5)
    one = lines(screen.rest())
    assert one > 300
    assert "measures=heart_width" in screen.fragment()
    masks = screen.painted()
    assert lines(screen.press(" ")) == one, "masks are off, measurements are not"
    assert masks > 0 == screen.painted()
    screen.click("input[data-measure=right_lung_height]")
    screen.page.mouse.move(5, 5)
    assert lines(screen.rest()) > 1.3 * one
    assert "heart_width" in screen.page.get_attribute("canvas.lines", "aria-label") or "Transverse" in (
        screen.page.get_attribute("canvas.lines", "aria-label")
    )
    screen.page.click(".measures h3 >> text=none")
    screen.page.mouse.move(5, 5)
    assert lines(screen.rest()) == 0
    assert "measures" not in screen.fragment()


def test_keys_walk_through_the_measurements_and_on_to_the_next_image(at):
    screen = at(fragment="#image=12")
    first = screen.page.get_attribute(".measure input >> nth=0", "data-measure")
    second = screen.page.get_attribute(".measure input >> nth=1", "data-measure")
    assert f"measures={first}" in screen.press("m").fragment()
    assert f"measures={second}" in screen.press("m").fragment()
    assert f"measures={first}" in screen.press("M").fragment()
    assert "measures" not in screen.press("M").fragment()
    screen.press("m", "m")
    before = lines(screen)
    name = screen.text(".heading h2")
    screen.press("j")
    assert screen.text(".heading h2") != name
    assert f"measures={second}" in screen.fragment()
    assert lines(screen) > 0 < before


def test_a_measurement_is_reached_and_chosen_by_tab_and_space(at):
    screen = at(fragment="#image=12")
    screen.page.focus(BOX)
    assert lines(screen.rest()) > 300, "the focus draws it"
    assert screen.page.evaluate(driver.FOCUSED)[1] >= 2
    screen.page.keyboard.press("Space")
    assert screen.page.is_checked(BOX)
    screen.page.keyboard.press("Tab")
    assert screen.page.evaluate("document.activeElement.dataset.measure") == "thoracic_width"
    assert screen.page.evaluate(driver.NAMELESS) == []


def test_both_views_of_a_study_list_and_draw_their_own(at):
    screen = at("radgenome", "#image=0&measures=lateral_lung_height,right_lung_area")
    headings = screen.texts(".measures h4")
    panes = screen.page.locator("canvas.lines")
    shown = [
        panes.nth(place).evaluate(
            "(one) => one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some((value) => value)"
        )
        for place in range(panes.count())
    ]
    listed = screen.page.locator("[data-measure=lateral_lung_height], [data-measure=right_lung_area]").count()
    assert (headings, len(shown)) == (["PA", "LL"], 2)
    assert sum(shown) == listed


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_have_contrast_in_light_and_dark(at, scheme):
    screen = at(fragment="#image=12&measures=ctr_rows", color_scheme=scheme)
    screen.page.click(".excluded-measures summary")
    screen.page.mouse.move(5, 5)
    assert screen.page.evaluate(driver.POOR_CONTRAST) == []
    poor = driver.POOR_CONTRAST.replace("const wanted = ", 'const wanted = ".grade, .measure small, .measure b, " + ')
    assert screen.page.evaluate(poor) == []


def test_a_phone_shows_the_list_and_draws_without_sideways_scrolling(at):
    screen = at(fragment="#image=12", **driver.PHONE)
    screen.page.tap(BOX)
    assert lines(screen.rest()) > 300
    assert screen.page.evaluate(driver.FITS_ACROSS)
    assert screen.page.locator(".measure").first.bounding_box()["height"] >= 34


def test_the_folder_of_measurements_opens_at_the_largest_ratio(at, results):
    screen = at("measure")
    shown = [float(text) for text in screen.texts(".card .figure b") if text != "–"]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == 60
    screen.press("Enter")
    best = max(
        (row for row in rows(results[0] / "measure") if row["measurement"] == "ctr_rows" and row["value"] is not None),
        key=lambda row: row["value"],
    )
    assert f"{best['value']:.3f}" in screen.text(".measure:has([data-measure=ctr_rows])")
    assert screen.painted() > 300, "the masks of the product beside it"
    assert lines(screen.press("m")) > 300
