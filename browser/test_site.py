"""The site in a real browser, as it comes out of `make site`: what `make site-test` runs.

Every page on a projector and on a phone, light and dark. Screenshots of all of them are left in build/screenshots.
"""

import functools
import html.parser
import http.server
import itertools
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
HTML = ROOT / "build" / "site" / "html"
SHOTS = ROOT / "build" / "screenshots"
PATIENCE = 120_000  # milliseconds, on a crowded machine
SIZES = {"projector": (1280, 800), "phone": (390, 844)}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def served(folder):
    """A server of this machine for a folder, in a thread of its own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="session")
def address():
    subprocess.run([sys.executable, ROOT / "docs" / "site" / "build.py"], check=True)
    server = served(HTML)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "needs Chromium: on Debian or Ubuntu, apt install chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, address):
    """A page that notes what it complains of and whom it asks."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.complaints = []
    page.on("console", lambda told: page.complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda asked: page.complaints.append(asked.url) if is_foreign(asked.url, address) else None)
    page.on("requestfailed", lambda asked: page.complaints.append(f"failed: {asked.url}"))
    page.on("response", lambda got: page.complaints.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    yield page
    page.close()


def opened(page, address):
    """Go there, and wait until formulas are set."""
    page.goto(address, wait_until="networkidle")
    page.wait_for_function("!document.querySelector('.math') || document.querySelector('mjx-container')")
    page.evaluate("window.MathJax?.startup?.promise.then(() => true)")


def is_foreign(url, address):
    return not url.startswith((address, "data:", "blob:"))


def findings(page):
    """What axe holds against a page that is serious or critical, with the first place of each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]} ({len(one['nodes'])})"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


WITHOUT_WORDS = "[...document.images].filter(image => !image.alt.trim()).map(image => image.src)"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Addresses(html.parser.HTMLParser):
    """What a page points to, and the places in it that can be pointed to."""

    def __init__(self, page):
        super().__init__()
        self.targets, self.places = set(), {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places.add(given.get("id"))
        self.targets.update(given[name] for name in ("href", "src") if given.get(name))


def names():
    """All pages that there will be, before they are built."""
    parts = [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/*.ipynb")]
    parts += [*ROOT.glob("instructor/*.md"), *ROOT.glob("docs/*.md")]
    parts = [path for path in parts if not path.stem.startswith("examination")]
    made = sorted(path.relative_to(ROOT).with_suffix(".html").as_posix() for path in parts)
    return ["index.html", "results.html", "search.html", *made]


@pytest.mark.parametrize("name", names())
def test_a_page_can_be_read_everywhere_by_everybody(page, address, name):
    opened(page, f"{address}/{name}")
    assert page.evaluate(WITHOUT_WORDS) == []
    for colours, (size, (width, height)) in itertools.product(("light", "dark"), SIZES.items()):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colours)
        page.screenshot(path=SHOTS / f"{name.replace('/', '-')[:-5]}-{size}-{colours}.png", full_page=True)
        assert page.evaluate(TOO_WIDE) <= 0
        if (size, colours) in (("projector", "light"), ("phone", "dark")):
            assert findings(page) == []
    assert page.complaints == []


def test_every_link_of_the_site_leads_somewhere(address):
    pages = {path: Addresses(path) for path in HTML.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for target in page.targets:
            link = urlsplit(target)
            if link.scheme or link.netloc:
                continue
            there = (path.parent / unquote(link.path)).resolve() if link.path else path
            known = there in pages and unquote(link.fragment) in pages[there].places
            if not there.is_file() or (link.fragment and not known):
                broken.append(f"{path.name}: {target}")
    assert len(pages) >= len(names())
    assert broken == []


def test_the_lessons_follow_one_another(page, address):
    names = sorted(path.stem for path in ROOT.glob("notebooks/*.ipynb"))
    page.goto(f"{address}/index.html")
    for name in names:
        page.locator(".next-page").click()
        page.wait_for_url(f"**/notebooks/{name}.html")


def test_the_search_finds_a_lesson(page, address):
    page.goto(f"{address}/search.html?q=momentum+queue")
    page.wait_for_selector("#search-results li a")
    assert any("SimCLR" in text for text in page.locator("#search-results li a").all_text_contents())


def test_a_formula_is_set_without_asking_another_host(page, address):
    opened(page, f"{address}/notebooks/04_simclr.html")
    assert page.locator("mjx-container").count() > 10
    assert page.complaints == []


# --- slides


WALK = """() => {
    const overfull = [], count = Reveal.getTotalSlides();
    for (let number = 0; number < count; number++) {
        const slide = Reveal.getCurrentSlide();
        const high = slide.scrollHeight > slide.clientHeight + 2, wide = slide.scrollWidth > slide.clientWidth + 2;
        if (high || wide) overfull.push(slide.innerText.slice(0, 80));
        Reveal.next();
    }
    return [count, overfull];
}"""


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_slides_open_from_a_file_and_nothing_leaves_the_screen(browser, path):
    subprocess.run([sys.executable, ROOT / "docs" / "site" / "slides.py", path.stem], check=True)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    complaints, asked = [], []
    page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.goto((ROOT / "build" / "slides" / f"{path.stem}.html").as_uri(), wait_until="networkidle")
    page.wait_for_selector("mjx-container", state="attached")
    for number in range(8):
        page.screenshot(path=SHOTS / f"slides-{path.stem}-{number}.png")
        page.keyboard.press("Space")
    page.evaluate("Reveal.slide(0, 0)")
    count, overfull = page.evaluate(WALK)
    assert count > 40
    assert overfull == []
    assert page.evaluate("Reveal.isLastSlide()")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate(WITHOUT_WORDS) == []
    assert complaints == []
    assert findings(page) == []
    page.close()
