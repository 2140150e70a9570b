"""The page in Chromium, from a static folder and from the server."""

import base64
import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[3]
KMAX = Path(os.environ["KMAX"])
PHOTO = ROOT / "docs/images/astronaut.png"
SOURCE = ROOT / "crates/kmax-builtin/models/kmax-people"
HOSTS = ["static", "server"]
# Milliseconds: both cores may be busy with something else.
PATIENCE = 60_000


def kmax(*arguments):
    return subprocess.run([KMAX, "--quiet", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="session")
def expected(work):
    """What `kmax segment` writes for the photo: the folder, and the list of segments."""
    kmax("segment", PHOTO, "-o", work / "expected")
    return work / "expected", json.loads((work / "expected/astronaut.json").read_text())["segments_info"]


def variant(folder, postprocess=(), preprocess=(), network=()):
    """The built-in model with other settings, as a folder."""
    shutil.copytree(SOURCE, folder)
    for name, change in [
        ("config.json", lambda told: (told.update(network), told["postprocess_config"].update(postprocess))),
        ("preprocessor_config.json", lambda told: told.update(preprocess)),
    ]:
        told = json.loads((folder / name).read_text())
        change(told)
        (folder / name).write_text(json.dumps(told))
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Any static host, with nothing set up for this page."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def hosted():
    """Serves folders; gives their addresses."""
    servers = []

    def serve(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def static(work, hosted):
    kmax("page", "-o", work / "site")
    return hosted(work / "site")


@pytest.fixture(scope="session")
def server():
    process = subprocess.Popen([KMAX, "--quiet", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().strip() + "/"
    process.terminate()
    assert process.wait(20) == 0


@pytest.fixture(params=HOSTS)
def address(request):
    """Each of the two."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def chromium():
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "no Chromium: install it, or name it in CHROMIUM"
    with sync_playwright() as playwright:
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def watched():
    """What no page may do: ask others, or complain in the console."""
    return []


@pytest.fixture(autouse=True)
def clean(watched):
    watched.clear()
    yield
    assert watched == []


@pytest.fixture(scope="session")
def visitor(chromium, watched):
    """Opens the page at an address, in a window of its own."""

    def visit(address, **settings):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, "accept_downloads": True, **settings})
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: None if request.url.startswith((address, "blob:", "data:")) else watched.append(request.url))
        page.on("console", lambda told: watched.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: watched.append(str(error)))
        page.goto(address)
        settled(page, "document.querySelector('#privacy').textContent !== ''")
        return page

    return visit


@pytest.fixture
def visit(visitor):
    """As `visitor`, for one test."""
    pages = []
    yield lambda *address, **settings: pages.append(visitor(*address, **settings)) or pages[-1]
    for page in pages:
        page.context.close()


@pytest.fixture(scope="session")
def windows():
    """Pages that stay open from test to test, by their address."""
    return {}


@pytest.fixture
def opened(visitor, windows, address):
    """The page, with the photo segmented anew."""
    if address not in windows:
        windows[address] = visitor(address)
    page = windows[address]
    drop(page, PHOTO)
    page.get_by_role("tab", name="Segments").click()
    return page


def encoded(photo):
    """A file as text that a page can take."""
    return base64.b64encode(photo.read_bytes()).decode()


def drop(page, photo):
    """Drags a file onto the page, and waits for the result."""
    carried = page.evaluate_handle(
        """async ([text, name]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name, { type: "image/png" }));
            return carried;
        }""",
        [encoded(photo), photo.name],
    )
    with renewed(page):
        for kind in "dragenter", "dragover", "drop":
            page.dispatch_event("body", kind, {"dataTransfer": carried})


@contextlib.contextmanager
def renewed(page):
    """Waits for the result of a photo that is opened within, or of a model."""
    page.evaluate("document.querySelectorAll('.pane').forEach((pane) => (pane.dataset.old = true))")
    yield
    settled(page, "document.querySelector('.pane') && !document.querySelector('.pane[data-old]')")
    settled(page, FINISHED)


FINISHED = "[...document.querySelectorAll('.busy')].every((busy) => busy.hidden) && !document.querySelector('.panel').inert"


def segments(page):
    """Names in the list, each with score and share."""
    rows = page.locator(".group .segment").all()
    return sorted((row.locator(".name").inner_text(), *[number.inner_text().split("\n")[-1] for number in row.locator(".number").all()]) for row in rows)


def saved(page, title):
    """The file that a button of the downloads gives."""
    with page.expect_download() as download:
        page.get_by_role("button", name=title, exact=True).click()
    return download.value


def move(page, label, value):
    """Moves a slider."""
    page.get_by_role("slider", name=label, exact=True).evaluate("(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", str(value))


def until(holds, told="what was waited for"):
    end = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < end, f"never: {told}"
        time.sleep(0.05)


def settled(page, condition):
    """Waits until an expression holds. (Playwright's own way to wait evaluates text within the page, whose policy forbids it.)"""
    until(lambda: page.evaluate(condition), condition)
