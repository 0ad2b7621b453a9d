"""Makes the sample report and the pictures of README.md, from the recorded answers to starter.

python docs/generate_pictures.py [--browser PROGRAM]

Writes docs/_static/sample-report.html, docs/pictures/report.png and docs/pictures/view.png. Needs the
extras of the tests (playwright) and a Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from preceptor import api
from preceptor.benchmarks import recorded
from preceptor.cli import main as preceptor
from preceptor.view.app import application
from preceptor.view.workspace import Workspace
from preceptor.web.serving import listen, serve, url_of

DOCS = Path(__file__).parent
REPORT = DOCS / "_static" / "sample-report.html"
SYSTEMS = ("qwen2.5-0.5b", "smollm2-135m")
SIZE = {"width": 1200, "height": 820}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--browser", default=shutil.which("chromium"), help="a Chromium")
    browser = parser.parse_args().browser
    (DOCS / "pictures").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "preceptor.db"
        for system in SYSTEMS:
            preceptor(
                ["import", str(recorded(system)), "--benchmark", "starter", "--store", str(store)]
            )
        names = [run.info.name for run in api.runs(store=store)]
        preceptor(["report", names[0], "--store", str(store), "-o", str(REPORT)])
        with listen("127.0.0.1", 0) as listener, sync_playwright() as playwright:
            app = application(Workspace(str(store)), host="127.0.0.1", token=None, tell=print)
            threading.Thread(target=serve, args=(app, listener), daemon=True).start()
            page = playwright.chromium.launch(executable_path=browser).new_page(viewport=SIZE)
            page.goto(REPORT.as_uri())
            page.screenshot(path=DOCS / "pictures" / "report.png")
            page.goto(f"{url_of(listener)}answers?run={names[0]}")
            page.locator("#list a").first.click()
            page.wait_for_selector("#detail h2")
            page.screenshot(path=DOCS / "pictures" / "view.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
