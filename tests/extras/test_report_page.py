"""The page of a run in a real browser: Chromium without a window, as wide as phone and desk."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mpmath import log, workdps
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from theory import MLP, maximal_learning_rate, squared_update
from verify import cli
from verify.report.page import PAGE_FILE

PHONE, DESK = (390, 844), (1280, 900)
SMALL = ["--width", "16", "64", "--depth", "1", "2", "4", "--samples", "2000"]
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
DIGITS = 5e-11
"""A relative error below which ten digits are the same."""

SIZES = [
    *((n, L) for n in (1, 2, 3, 64, 10**6) for L in (1, 2, 10)),
    *((n, L) for n in (1, 2, 64, 1024, 10**6) for L in (1024, 10**4)),
    (10**6, 100),
    (997, 1009),
]


def tool(*names: str) -> str:
    """The path of an installed program."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    pytest.fail(f"this test needs {names[0]}: apt-get install chromium chromium-driver")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "run"
    cli.main([*SMALL, "--out", str(path)])
    assert cli.main(["--report", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = tool("chromium", "chromium-browser", "google-chrome")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(tool("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    """The open page at desk size; afterwards its console must be empty."""
    resize(browser, DESK)
    browser.get((folder / PAGE_FILE).as_uri())
    yield browser
    assert browser.get_log("browser") == []


def resize(browser: Any, size: tuple[int, int]) -> None:
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def text(page: Any, name: str) -> str:
    return str(page.find_element(By.ID, name).text)


def place(circle: Any) -> tuple[float, float]:
    return float(circle.get_attribute("cx")), float(circle.get_attribute("cy"))


def enter(page: Any, name: str, value: object) -> None:
    field = page.find_element(By.ID, f"{name}-number")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(str(value))


def test_code_and_python_agree_to_ten_digits(page: Any) -> None:
    for n, layers in SIZES:
        update = squared_update(MLP(n, layers))
        with workdps(40):
            label, output = update.label.evaluate(30), update.output.evaluate(30)
            exact = {
                "label": log(label),
                "output": log(output),
                "total": log(label + output),
                "rate": -log(label + output) / 2,
                "law": log(3) / 2 - 3 * log(layers) / 2,
            }
            for name, value in exact.items():
                found = page.execute_script(f"return mupDepth.{name}({n}, {layers})")
                assert abs(found - value) < DIGITS, (name, n, layers)


@pytest.mark.parametrize(("n", "layers"), [(7, 3), (10**6, 10**4), (1024, 16), (64, 10**4)])
def test_the_numbers_shown_are_those_of_python(page: Any, n: int, layers: int) -> None:
    enter(page, "width", n)
    enter(page, "depth", layers)
    rate = maximal_learning_rate(MLP(n, layers)).evaluate(30)
    update = squared_update(MLP(n, layers))
    with workdps(40):
        shown = {"mean": rate, "total": update.evaluate(30), "label": update.label.evaluate(30)}
        for name, value in shown.items():
            mantissa, _, exponent = text(page, f"out-{name}").partition("e")
            found = log(float(mantissa)) + int(exponent or 0) * log(10)
            assert abs(found - log(value)) < DIGITS, name


@pytest.mark.parametrize("n", [10, 39, 64, 1024, 20_000])
def test_the_range_shown_is_that_of_theory(page: Any, n: int) -> None:
    enter(page, "width", n)
    depths = maximal_learning_rate(MLP()).validity("0.1").depths(n)
    words = "at no depth" if depths is None else f"from depth {depths[0]:,} to {depths[1]:,}"
    assert words in text(page, "status")


def test_the_figure_answers_to_the_keyboard(page: Any) -> None:
    def state() -> tuple[str, ...]:
        curve = page.find_element(By.CSS_SELECTOR, "#curve .exact").get_attribute("d")
        return (curve, text(page, "out-rate"), text(page, "status"))

    for name in ("width", "depth"):
        slider = page.find_element(By.ID, f"{name}-slider")
        field = page.find_element(By.ID, f"{name}-number")
        slider.send_keys(Keys.END)
        for _ in range(5):
            before, value = state(), field.get_attribute("value")
            slider.send_keys(Keys.ARROW_LEFT)
            assert field.get_attribute("value") != value
            assert all(now != old for now, old in zip(state()[1:], before[1:], strict=True))
        slider.send_keys(Keys.HOME)
        assert field.get_attribute("value") == "1"
        assert slider.get_attribute("aria-valuetext") == "1"
        slider.send_keys(Keys.END)
    assert float(page.find_element(By.ID, "width-number").get_attribute("value")) == 10**6
    curve, rate, _ = state()
    page.find_element(By.CSS_SELECTOR, "input[value=rate]").send_keys(Keys.ARROW_RIGHT)
    assert state()[0] != curve
    assert state()[1] == rate


@pytest.mark.parametrize("bad", ["0", "1.5", "-3", "2000000", "", "1e99"])
def test_what_is_no_width_is_said_and_the_last_one_stays(page: Any, bad: str) -> None:
    field = page.find_element(By.ID, "width-number")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(bad or Keys.DELETE)
    assert "whole number from 1 to 1,000,000" in text(page, "width-problem")
    assert field.get_attribute("aria-invalid") == "true"
    shown = page.find_element(By.ID, "width-slider").get_attribute("aria-valuetext")
    assert f"the figure shows {shown}" in text(page, "width-problem")
    rate = text(page, "out-rate")
    enter(page, "width", shown.replace(",", ""))
    assert text(page, "width-problem") == ""
    assert text(page, "out-rate") == rate


def test_measured_networks_lie_on_their_curve(page: Any, folder: Path) -> None:
    enter(page, "width", 64)
    marks = [place(each) for each in page.find_elements(By.CSS_SELECTOR, "#curve .mark")]
    assert len(marks) == 3
    for mark, layers in zip(marks, (1, 2, 4), strict=True):
        enter(page, "depth", layers)
        exact = place(page.find_element(By.CSS_SELECTOR, "#curve circle.point"))
        assert mark[0] == pytest.approx(exact[0], abs=0.1)
        assert mark[1] == pytest.approx(exact[1], abs=3.0)
    enter(page, "width", 65)
    assert page.find_elements(By.CSS_SELECTOR, "#curve .mark") == []


def test_marks_that_decide_are_filled_and_the_legend_says_so(browser: Any, tmp_path: Path) -> None:
    options = ["--width", "16", "--depth", "2", "64", "--samples", "2000"]
    cli.main([*options, "--out", str(tmp_path / "run")])
    assert cli.main(["--report", str(tmp_path / "run")]) == 0
    resize(browser, DESK)
    browser.get((tmp_path / "run" / PAGE_FILE).as_uri())
    fills = browser.execute_script(
        "return [...document.querySelectorAll('#curve .mark')].map((e) => getComputedStyle(e).fill)"
    )
    ink, paper = browser.execute_script(
        "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]"
    )
    assert fills == [ink, paper]
    entry = browser.find_element(By.ID, "undecided")
    assert entry.text == "measured, does not decide"
    enter(browser, "width", 17)
    assert not entry.is_displayed()
    assert not browser.find_element(By.ID, "valid-range").is_displayed()
    enter(browser, "width", 256)
    assert browser.find_element(By.ID, "valid-range").is_displayed()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_page_and_nothing_is_loaded(
    page: Any, size: tuple[int, int]
) -> None:
    resize(page, size)
    page.refresh()
    page.execute_script("for (const e of document.querySelectorAll('details')) e.open = true")
    assert page.execute_script("return document.documentElement.scrollWidth") <= size[0]
    wide = page.execute_script(
        "return [...document.querySelectorAll('main > *, svg, figure, .scroll, pre, .explorer *')]"
        ".filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
        ".filter((e) => !e.closest('.scroll, pre, svg.plot g, .hidden')).map((e) => e.outerHTML)"
    )
    assert wide == []
    scrolling = page.execute_script(
        "return [...document.querySelectorAll('.formula')]"
        ".filter((e) => getComputedStyle(e).overflowY !== 'hidden'"
        " || e.scrollHeight > e.clientHeight)"
        ".map((e) => [e.innerText, e.scrollHeight, e.clientHeight])"
    )
    assert scrolling == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_formulas_are_drawn_as_formulas(page: Any) -> None:
    heights = page.execute_script(
        "return [...document.querySelectorAll('.laws math')]"
        ".map((e) => e.querySelector('mfrac').getBoundingClientRect().height)"
    )
    assert len(heights) == 2
    assert all(30 < height < 90 for height in heights)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(page: Any, scheme: str) -> None:
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    colours = page.execute_script(
        "const style = getComputedStyle(document.documentElement);"
        "return Object.fromEntries(['paper', 'wash', 'ink', 'soft', 'accent', 'series-0',"
        " 'series-1', 'series-2'].map((name) => [name, style.getPropertyValue('--' + name)]))"
    )
    for name in ("ink", "soft", "accent", "series-1"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("ink", "soft"):
        assert contrast(colours[name], colours["wash"]) >= 4.5, name
    for name in ("series-0", "series-2"):
        assert contrast(colours[name], colours["paper"]) >= 3, name


def contrast(one: str, two: str) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour.strip()[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else math.pow((c + 0.055) / 1.055, 2.4) for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_formula_has_a_page_too(browser: Any, tmp_path: Path) -> None:
    options = ["--formula", "L**3/2", "--claim", "leading", "--width", "16", "--depth", "2"]
    cli.main([*options, "--samples", "500", "--out", str(tmp_path / "run")])
    assert cli.main(["--report", str(tmp_path / "run")]) == 0
    browser.get((tmp_path / "run" / PAGE_FILE).as_uri())
    assert "3/2 times the law" in browser.find_element(By.TAG_NAME, "body").text
    assert browser.get_log("browser") == []
