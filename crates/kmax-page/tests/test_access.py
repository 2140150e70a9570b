"""Keys, screen readers, phones, dark rooms."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import FINISHED, PHOTO, drop, renewed, segments, settled


def serious(page):
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["impact"], [node["html"][:120] for node in one["nodes"]]) for one in found]


def clusters(page):
    page.get_by_role("tab", name="Clustering").click()
    settled(page, "document.querySelectorAll('.film .frame').length > 0")
    page.locator(".queries .segment").nth(1).click()
    page.get_by_text("How it got there").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, static, scheme):
    page = visit(static, color_scheme=scheme)
    assert serious(page) == []
    drop(page, PHOTO)
    page.locator(".group .segment").first.click()
    page.get_by_text("Thresholds").click()
    page.get_by_role("button", name="Compare").click()
    settled(page, FINISHED)
    assert serious(page) == []
    clusters(page)
    assert serious(page) == []


def test_keys_are_enough(visit, static):
    page = visit(static)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "choose"
    page.get_by_role("button", name="Astronaut").focus()
    with renewed(page):
        page.keyboard.press("Enter")
    page.locator(".stage").focus()
    for key in "+", "+", "ArrowLeft":
        page.keyboard.press(key)
    assert page.locator(".stage.zoomed").count() == 1
    page.keyboard.press("0")
    assert page.locator(".stage.zoomed").count() == 0
    page.get_by_role("tab", name="Segments").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Clustering").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    page.locator(".group .segment").first.focus()
    page.keyboard.press("Space")
    assert page.locator(".segment-card").is_visible()


@pytest.mark.parametrize("width", [320, 390, 700])
def test_nothing_is_wider_than_a_phone(visit, static, width):
    page = visit(static, viewport={"width": width, "height": 780}, has_touch=True, is_mobile=True)
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    with renewed(page):
        page.get_by_role("button", name="Portrait").tap()
    assert segments(page) and not page.evaluate(wide)
    clusters(page)
    assert not page.evaluate(wide)
    page.get_by_role("button", name="Compare").tap()
    assert not page.evaluate(wide)


def test_fingers_zoom_and_pan(visit, static):
    page = visit(static, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    drop(page, PHOTO)
    box = page.locator(".stage").bounding_box()
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    fingers = page.context.new_cdp_session(page)
    touch = lambda kind, spread: fingers.send("Input.dispatchTouchEvent", {
        "type": kind,
        "touchPoints": [] if kind == "touchEnd" else [{"x": middle[0] + way * spread, "y": middle[1], "id": way + 1} for way in (-1, 1)],
    })
    touch("touchStart", 30)
    for spread in range(40, 120, 10):
        touch("touchMove", spread)
    touch("touchEnd", 0)
    page.wait_for_selector(".stage.zoomed")


def test_the_page_tells_nobody_and_needs_nobody(static, visit):
    page = visit(static)
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'") and "unsafe-inline" not in policy
    config = page.evaluate("async () => JSON.stringify(await (await fetch('config.json')).json())")
    assert json.loads(config)["backend"] == "browser"
