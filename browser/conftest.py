"""A JupyterLab of the project's own environment, opened in headless Chromium: `make browser`.

The lessons are copied to a temporary place, so that nothing a test does is saved into them. Screenshots go to
browser/screenshots.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import TimeoutError, sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = Path(__file__).parent / "screenshots"
WANTED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SERIOUS = ("serious", "critical")
MINUTES = 10  # that a lesson may take on a slow machine
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # else outputs off the screen leave the page
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
QUICK = {"SSL_COURSE_PROFILE": "quick", "SSL_COURSE_THREADS": "1", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def pytest_addoption(parser):
    parser.addoption("--lessons", nargs="+", default=None, help="numbers of the lessons to open, such as 00 04")


def pytest_generate_tests(metafunc):
    if "lesson" in metafunc.fixturenames:
        asked = metafunc.config.getoption("lessons")
        files = sorted((ROOT / "notebooks").glob("*.ipynb"))
        chosen = [file.stem for file in files if asked is None or file.stem.partition("_")[0] in asked]
        metafunc.parametrize("lesson", chosen, scope="session")


@pytest.fixture(scope="session")
def chromium():
    """The path of a Chromium; the tests fail where there is none, and say what to install."""
    found = next(filter(None, map(shutil.which, WANTED)), None)
    if found is None:
        pytest.fail("no Chromium: apt install chromium (or put Chrome's folder on the PATH)", pytrace=False)
    return found


@pytest.fixture(scope="session")
def browser(chromium):
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a JupyterLab, with a `%s` where the notebook's path goes, and the folder that it shows."""
    place = tmp_path_factory.mktemp("lab")
    folder, settings = place / "course", place / "settings"
    for name in ("notebooks", "exercises"):
        shutil.copytree(ROOT / name, folder / name)
    for name, values in SETTINGS.items():
        package, plugin = name.split(":")
        file = settings / package / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--LabApp.news_url="]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
    command += [f"--LabApp.user_settings_dir={settings}", f"--LabApp.workspaces_dir={place / 'workspaces'}"]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(place / name.lower()) for name in names}
    log = open(place / "lab.log", "w")  # noqa: SIM115 - open as long as the server
    server = subprocess.Popen(command, env=os.environ | QUICK | own, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status?token={token}", place / "lab.log")
        yield f"{address}/lab/tree/%s?reset&token={token}", folder
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _wait_for(address, log):
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=5)
        except OSError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"JupyterLab doesn't answer:\n{log.read_text()[-2000:]}", pytrace=False)


ERROR = '.jp-OutputArea-output:is([data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"])'


class Opened:
    """A notebook in a page of its own, with what went wrong on it."""

    def __init__(self, browser, address, path, width=1280, height=800):
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page = self.context.new_page()
        self.wrong, self.foreign = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(address % path)
        ready = "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        try:
            self.page.wait_for_function(ready, timeout=180_000)
        except TimeoutError:
            self.photograph("not_ready")
            raise

    def _note(self, url):
        if not re.match(r"(http|ws)://127\.0\.0\.1[:/]|data:|blob:", url):
            self.foreign.append(url)

    def run_all(self):
        """Run every cell; the texts of the outputs that are errors."""
        self.page.set_default_timeout(60_000 * MINUTES)
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.set_default_timeout(60_000)
        return self.page.locator(ERROR).all_inner_texts()

    def photograph(self, name):
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def as_on_a_phone(self):
        """390 pixels wide, with the list of files put away."""
        self.page.set_viewport_size({"width": 390, "height": 800})
        self.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")

    def held_against(self, part):
        """What axe calls serious or critical in a part of the page, without what is JupyterLab's or ipywidgets' own."""
        found = Axe().run(self.page, context=part).response["violations"]
        bad = [(one["id"], node["html"]) for one in found for node in one["nodes"] if one["impact"] in SERIOUS]
        return [f"{name}: {text[:120]}" for name, text in bad if "noUi-handle" not in text]

    def close(self):
        self.context.close()


@pytest.fixture
def open_notebook(browser, lab):
    """A function that opens a notebook by its path in the course; all are closed at the end."""
    opened = []

    def open_(path, **size):
        opened.append(Opened(browser, lab[0], path, **size))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()
