"""What a person does with segments."""

import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile

import numpy as np
import pytest
from conftest import FINISHED, PHOTO, drop, encoded, kmax, move, renewed, saved, segments, settled, until, variant
from PIL import Image

LOOSE = {"class_threshold_thing": 0.2, "class_threshold_stuff": 0.3, "pixel_threshold": 0.25, "overlap_threshold": 0.55}
SLIDERS = {"class_threshold_thing": "Class, things", "class_threshold_stuff": "Class, stuff", "pixel_threshold": "Pixel", "overlap_threshold": "Overlap"}


def ids(file):
    return np.asarray(Image.open(file).convert("RGB")).astype(np.int64) @ [1, 256, 65536]


def told(listed):
    """As the page writes numbers."""
    percent = lambda share: "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
    names = [segment["name"] for segment in listed]
    assert len(set(names)) == len(names)
    return sorted((segment["name"], percent(segment["score"]), percent(segment["share"])) for segment in listed)


def test_a_photo_is_dropped_and_its_names_read(opened, expected):
    assert segments(opened) == told(expected[1])
    status = opened.inner_text("#status")
    assert status.startswith(f"{len(expected[1])} segments: ") and expected[1][0]["name"] in status


def test_the_downloaded_map_is_that_of_the_program(opened, expected, address, request):
    file = saved(opened, "Panoptic PNG")
    assert file.suggested_filename == "astronaut.panoptic.png"
    written = expected[0] / "astronaut.panoptic.png"
    assert np.array_equal(ids(file.path()), ids(written))
    if "server" in request.node.callspec.id:
        assert file.path().read_bytes() == written.read_bytes()


def test_thresholds_act_without_the_network_and_as_in_the_program(opened, expected, work, request):
    runs = []
    opened.on("request", lambda asked: runs.append(asked.url) if asked.method == "POST" else None)
    facts = opened.inner_text(".facts").split("·")[1]
    opened.locator(".fold").evaluate("(fold) => (fold.open = true)")
    for key, value in LOOSE.items():
        move(opened, SLIDERS[key], value)
    folder = work / f"loose-{request.node.callspec.id}"
    kmax("segment", PHOTO, "-o", folder / "out", "--model", variant(folder / "model", LOOSE))
    listed = json.loads((folder / "out/astronaut.json").read_text())["segments_info"]
    assert told(listed) != told(expected[1])
    until(lambda: segments(opened) == told(listed))
    assert np.array_equal(ids(saved(opened, "Panoptic PNG").path()), ids(folder / "out/astronaut.panoptic.png"))
    assert runs == [] and opened.inner_text(".facts").split("·")[1] == facts
    opened.get_by_role("button", name="Reset").click()
    until(lambda: segments(opened) == told(expected[1]))


def shown(page):
    """The pixels of the stage, after it was drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.asarray(Image.open(io.BytesIO(page.locator(".stage canvas").screenshot()))).astype(int)[..., :3]


def test_classes_are_switched_off_and_on(opened):
    opened.get_by_label("Names").uncheck()
    opened.get_by_label("Outlines").uncheck()
    opened.mouse.move(2, 2)
    before = shown(opened)
    opened.get_by_label("Show hair").uncheck()
    without = shown(opened)
    # Stuff has one more class, which stays.
    assert opened.get_by_label("Stuff", exact=True).evaluate("(box) => box.indeterminate")
    changed = (before != without).any(-1).mean()
    assert 0.01 < changed < 0.06
    opened.get_by_label("Things", exact=True).uncheck()
    assert not opened.get_by_label("Show top").is_checked()
    assert ((before != shown(opened)).any(-1).mean()) > 0.15
    opened.get_by_label("Things", exact=True).check()
    opened.get_by_label("Show hair").check()
    assert np.array_equal(before, shown(opened))
    move(opened, "Opacity", 0)
    assert (before != shown(opened)).any(-1).mean() > 0.2
    move(opened, "Opacity", 0.55)


def test_a_segment_is_pointed_at_and_chosen(opened, expected):
    top = next(segment for segment in expected[1] if segment["name"] == "top")
    box = opened.locator(".stage").bounding_box()
    # The photo is square and fits the height.
    at = lambda x, y: (box["x"] + box["width"] / 2 + (x / 512 - 0.5) * box["height"], box["y"] + y / 512 * box["height"])
    opened.mouse.move(*at(150, 330))
    assert opened.inner_text(".tip").startswith("top · score ")
    opened.mouse.click(*at(150, 330))
    card = opened.locator(".segment-card")
    assert "thing" in card.inner_text() and f"{top['area']:,}" in card.inner_text()
    assert opened.locator(".segment[aria-pressed=true] .name").inner_text() == "top"
    cutout = np.asarray(Image.open(saved(opened, "Save cut-out").path()))
    assert (cutout[..., 3] > 0).sum() == top["area"] and list(cutout.shape) == [top["bbox"][3], top["bbox"][2], 4]
    opened.keyboard.press("Escape")
    assert not card.is_visible()


def test_everything_is_taken_along(opened, expected):
    listed = json.loads(saved(opened, "JSON").path().read_text())
    for found, wanted in zip(listed["segments_info"], expected[1], strict=True):
        assert {key: found[key] for key in ("id", "category_id", "name", "area", "bbox", "share")} == {key: wanted[key] for key in ("id", "category_id", "name", "area", "bbox", "share")}
        assert abs(found["score"] - wanted["score"]) < 1e-5
    overlay = Image.open(saved(opened, "Overlay").path())
    assert overlay.size == (512, 512)
    with zipfile.ZipFile(saved(opened, "Cut-outs").path()) as archive:
        assert archive.testzip() is None
        areas = [(np.asarray(Image.open(archive.open(name)))[..., 3] > 0).sum() for name in archive.namelist()]
    assert areas == [segment["area"] for segment in expected[1]]
    drawing = ElementTree.parse(saved(opened, "SVG").path()).getroot()
    paths = [path.get("d") for path in drawing.iter("{http://www.w3.org/2000/svg}path")]
    assert [enclosed(path) for path in paths] == [segment["area"] for segment in expected[1]]


def enclosed(path):
    """The area inside the rings of a path, holes taken off, by the shoelace formula."""
    area = 0
    for ring in path.split("Z")[:-1]:
        points = []
        for kind, numbers in re.findall(r"([MHV])([\d ]+)", ring):
            values = list(map(int, numbers.split()))
            last = points[-1] if points else None
            points.append({"M": lambda: tuple(values), "H": lambda: (values[0], last[1]), "V": lambda: (last[0], values[0])}[kind]())
        area += sum(x * v - u * y for (x, y), (u, v) in zip(points, points[1:] + points[:1]))
    return area / 2


def test_photos_come_in_every_way(visit, static, expected):
    page = visit(static, permissions=["camera"])
    with renewed(page):
        page.get_by_role("button", name="Astronaut").click()
    assert "top" in [name for name, *_ in segments(page)]
    page.get_by_role("button", name="New photo").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    with renewed(page):
        chooser.value.set_files(PHOTO)
    assert segments(page) == told(expected[1])
    with renewed(page):
        page.evaluate(
            """async (text) => {
                const clipboardData = new DataTransfer();
                clipboardData.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], "image.png", { type: "image/png" }));
                document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
            }""",
            encoded(PHOTO),
        )
    assert page.title().startswith("pasted.png") and segments(page) == told(expected[1])
    page.get_by_role("button", name="New photo").click()
    page.get_by_role("button", name="Take a photo", exact=True).click()
    with renewed(page):
        page.get_by_role("button", name="Take the photo").click()
    assert page.title().startswith("photo.png")


def test_what_is_no_picture_is_said(visit, address, tmp_path):
    page = visit(address)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    page.set_input_files("#file", text)
    page.wait_for_selector("#message:not([hidden])")
    assert "text.png cannot be shown" in page.inner_text("#message")
    assert page.get_by_role("button", name="Choose a photo").is_visible()


@pytest.fixture(scope="session")
def conventions(work, hosted):
    """One page with the built-in model by several rules of the reference implementations."""
    fixed = lambda height, width, resize: {"size": {"height": height, "width": width}, "resize": resize}
    deeplab2 = {"manner": "deeplab2", "thing_area_limit": 200, "stuff_area_limit": 1500, "class_threshold_thing": 0.4}
    square = fixed(257, 257, {"family": "deeplab2", "min": [257, 257], "max": [257, 257]})
    within = fixed(257, 321, {"family": "deeplab2", "min": None, "max": None})
    even = fixed(256, 288, {"family": "pytorch", "shortest_edge": 200, "longest_edge": 256})
    loose = {"pixel_threshold": 0.08, "class_threshold_thing": 0.1, "overlap_threshold": 0.5, "reorder_mask_weight": 2.0}
    corners = {"resize_rule": "corners"}
    folders = [
        variant(work / "conventions/even-loose", loose, even),
        variant(work / "conventions/maskwise", deeplab2, square, corners),
        variant(work / "conventions/within", {**deeplab2, "reorder_mask_weight": 0.0}, within, corners),
        variant(work / "conventions/pixelwise", {**deeplab2, "method": "pixelwise"}, square, corners),
    ]
    kmax("page", "-o", work / "conventions/site", *[word for folder in folders for word in ("--model", folder)])
    return hosted(work / "conventions/site"), folders


def test_every_convention_gives_the_segments_of_the_program(visit, conventions, work):
    address, folders = conventions
    small = work / "conventions/flat.png"
    Image.open(PHOTO).convert("RGB").crop((0, 64, 512, 341)).resize((300, 163)).save(small)
    page = visit(address)
    drop(page, small)
    for folder in folders:
        if page.get_by_label("Model").input_value() != str(folder):
            with renewed(page):
                page.get_by_label("Model").select_option(str(folder))
        kmax("segment", small, "-o", folder / "out", "--model", folder)
        found, wanted = ids(saved(page, "Panoptic PNG").path()), ids(folder / "out/flat.panoptic.png")
        assert wanted.max() > 0 and found.shape == wanted.shape
        # Ties are another matter of rounding.
        assert (found != wanted).sum() <= 3, folder.name


def test_two_are_compared_side_by_side(visit, conventions):
    address, folders = conventions
    page = visit(address)
    drop(page, PHOTO)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector("#sides button >> nth=1")
    settled(page, FINISHED)
    assert page.locator(".pane").count() == 2
    left, right = (page.locator("#sides button").nth(side) for side in (0, 1))
    assert left.get_attribute("aria-pressed") == "true"
    before = segments(page)
    right.click()
    assert right.get_attribute("aria-pressed") == "true" and segments(page) != before
    # Both show the same part of the photo.
    page.locator(".stage").first.hover()
    page.mouse.wheel(0, -400)
    settled(page, "document.querySelectorAll('.stage.zoomed').length === 2")
    page.get_by_role("button", name="Compare").click()
    assert page.locator(".pane").count() == 1 and segments(page) == before
