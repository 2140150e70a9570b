"""What a person does with the clustering."""

import pytest
from conftest import PHOTO, encoded, settled

CAPTION = "document.querySelector('.caption').textContent.startsWith('{}')"


@pytest.fixture
def clusters(opened):
    opened.get_by_role("tab", name="Clustering").click()
    settled(opened, CAPTION.format("Step 1 of 3 · stride 32 · 15 × 15"))
    return opened


def test_the_steps_are_walked_through(clusters):
    assert clusters.locator(".film .frame").count() == 4
    slider = clusters.get_by_label("Step of the clustering")
    slider.focus()
    for start in ["Step 2 of 3 · stride 16 · 29 × 29", "Step 3 of 3 · stride 8 · 57 × 57", "Result"]:
        clusters.keyboard.press("ArrowRight")
        settled(clusters, CAPTION.format(start))
        assert slider.get_attribute("aria-valuetext").startswith(start)
    clusters.locator(".film .frame").first.click()
    settled(clusters, CAPTION.format("Step 1"))
    clusters.get_by_role("button", name="Play the steps").click()
    settled(clusters, CAPTION.format("Result"))
    assert clusters.get_by_role("button", name="Play the steps").is_visible()


def test_a_query_tells_what_it_is_and_how_it_got_there(clusters):
    clusters.locator(".queries .segment", has_text="hair").first.click()
    card = clusters.get_by_label("Query", exact=True)
    card.get_by_text("How it got there").wait_for()
    assert card.locator(".bars li").first.inner_text().split("\n")[0] == "hair"
    assert card.locator("tbody tr").count() == 3
    card.get_by_role("button", name="Show mask").click()
    assert card.get_by_role("button", name="Hide mask").get_attribute("aria-pressed") == "true"
    clusters.keyboard.press("Escape")
    assert not card.is_visible()


def test_a_pixel_tells_its_nearest_centers(clusters):
    box = clusters.locator(".stage").bounding_box()
    # In the face, of a photo that is square and fits the height.
    clusters.mouse.click(box["x"] + box["width"] / 2 + (225 / 512 - 0.5) * box["height"], box["y"] + 130 / 512 * box["height"])
    card = clusters.get_by_label("Pixel", exact=True)
    card.get_by_text("Nearest in each step").wait_for()
    assert card.locator(".bars li").first.inner_text().startswith("skin #")
    assert card.locator(".near-steps li").count() == 3
    assert clusters.locator(".queries [aria-pressed=true]", has_text="skin").count() == 1


def test_a_segment_leads_to_its_query(opened):
    opened.locator(".group .segment", has_text="hair").click()
    number = opened.locator(".facts-list div", has_text="Query").locator("dd").inner_text()
    opened.get_by_role("button", name="How it formed").click()
    settled(opened, CAPTION.format("Step 1"))
    opened.get_by_role("heading", name=f"Query {number}").wait_for()


ASKED = """async (text) => {
    const { backend } = await import(new URL("app/backend.js", document.baseURI));
    const asked = await backend();
    const [model] = await asked.models();
    const prediction = await asked.predict(new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: "image/png" }), model.name);
    const plain = ({ width, height, data }) => ({ width, height, data: Array.from(data) });
    const told = { steps: await asked.steps(prediction), segments: (await asked.segments(prediction, {})).segments, maps: [], queries: [], pixels: [] };
    for (const { step } of told.steps.steps) told.maps.push(plain(await asked.stepMap(prediction, step)));
    for (let query = 0; query < model.queries; query += 11) {
        told.queries.push({ ...(await asked.query(prediction, query)), mask: plain(await asked.queryMask(prediction, query)) });
    }
    for (const [x, y] of [[0, 0], [225, 130], [511, 511], [300, 40]]) told.pixels.push(await asked.pixel(prediction, x, y));
    return told;
}"""


def alike(a, b):
    """The same but for rounding: two engines ran the network."""
    if isinstance(a, dict):
        return all(alike(a[key], b[key]) for key in a.keys() & b.keys())
    if isinstance(a, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b))
    # A grey value may be rounded up or down.
    return abs(a - b) <= 1 if type(a) is type(b) is int else abs(a - b) < 1e-3 if isinstance(a, float) or isinstance(b, float) else a == b


def test_the_browser_says_what_the_server_says(visit, static, server):
    ours, theirs = (visit(address).evaluate(ASKED, encoded(PHOTO)) for address in (static, server))
    assert ours["maps"] == theirs["maps"]
    for part in "steps", "segments", "queries", "pixels":
        assert alike(ours[part], theirs[part]), part
    assert len(ours["steps"]["queries"]) == 32
