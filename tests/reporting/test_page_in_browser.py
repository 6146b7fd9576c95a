"""Laws of the page in a browser: see `tests/browser/README.md` for what it takes and what is looked at."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import ROOT
from run_folders import CASES, HOSTILE, write_run

from kcifar.reporting.page.html_page import render_page

pytestmark = pytest.mark.browser

TOOLS = ROOT / "tests" / "browser"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
MANY = 40  # classes
LONG = "a_name_that_goes_on_and_on_" * 6  # 162 characters


def chromium() -> str:
    """Return the browser; without it or what else is needed the test is skipped, under CI it fails."""
    result = os.environ.get("CHROMIUM") or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), "")
    missing = [] if result else [f"Chromium (one of {', '.join(CHROMIUM_NAMES)} on PATH, or CHROMIUM)"]
    missing += [] if shutil.which("node") else ["Node"]
    missing += [] if (TOOLS / "node_modules").is_dir() else ["npm ci --prefix tests/browser"]
    if missing:
        end = pytest.fail if os.environ.get("CI") else pytest.skip
        end(f"needs {', '.join(missing)}")
    return result


def one_run(folder: Path) -> None:
    write_run(folder / "alone")


def hostile_runs(folder: Path) -> None:
    """Unfinished, without validation, not finite, many stages, many classes of hostile names; one folder that is no run."""
    for case in ("interrupted", "not finite", "no validation", "forty stages, hostile names"):
        CASES[case](folder / f"{case} <b>&amp; 'x' \"y\" é画 עברית")
    names = [f"{HOSTILE} {number}" for number in range(MANY - 1)] + [LONG]
    matrix = np.random.default_rng(0).integers(0, 9, (MANY, MANY)).tolist()
    write_run(folder / LONG, class_names=names, matrix=matrix, changes={"name": HOSTILE * 9})
    (folder / "no run <script>alert(1)").mkdir()


def several_runs(folder: Path) -> None:
    for seed in range(3):
        write_run(folder / f"first-seed{seed}", seed=seed)
        write_run(folder / f"second_recipe-seed{seed}", seed=seed, changes={"name": "second_recipe"})


@pytest.mark.parametrize("write", [one_run, several_runs, hostile_runs])
def test_the_page_in_a_browser(write: Callable[[Path], None], tmp_path: Path) -> None:
    browser = chromium()
    write(tmp_path / "runs")
    report = [sys.executable, "-m", "kcifar.report", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--format", "page"]
    subprocess.run(report, check=True, capture_output=True, timeout=300)
    result = look(browser, tmp_path / "out" / "report.html")
    assert result["findings"] == []
    assert result["images"] > 0
    assert result["sorted_columns"] > 0
    if write is not hostile_runs:
        assert set(result["scrolling"].values()) == {0}


def look(browser: str, page: Path) -> Any:
    """Return what the check says of a page."""
    done = subprocess.run(["node", str(TOOLS / "check.mjs"), browser, str(page)], check=False, capture_output=True, text=True, timeout=300)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


# What is wrong, and what the check says of it.
FAULTS = {
    "<script>alert(1)</script>": "light: console error: Executing inline script violates",
    "<p style='color: red'>a</p>": "light: console error: Applying inline style violates",
    "<img src='https://example.org/a.png' alt='a'>": "light: console error: Loading the image 'https://example.org/a.png' violates",
    "<img src='data:image/png;base64,AAAA' alt='a'>": "light: image 2 is not loaded",
    "<img src='data:,' alt=''>": "light: image 3 has no alternative text",
    "<a href='#nowhere'>a</a>": "light: the link #nowhere leads nowhere",
    "<a href='#main'></a>": "dark: link-name (serious)",
    f"<pre>{'wide' * 500}</pre>": "390 pixels: 1",  # … pixels wide, 390 are there
    f"<div></div><span>{'wide' * 501}</span>": "1280 pixels: beyond the edge: <span>widewide",
    f"<pre>{'a' + chr(10) * 99}</pre>": "1280 pixels: not on the first screen: late",
    "<article><dl class='facts'><dd class='value'>late</dd></dl></article>": "400 pixels: the result is not on the first screen: late",
    "<div class='room'><input type='checkbox' id='b'><label for='b'>b</label><div class='table'><table><caption>v</caption><thead><tr>"
    "<th>a</th></tr></thead><tbody></tbody></table></div></div>": "1920 pixels: of 1 columns, 1 are shown, then 1, then 1",
    "<small><small><small>small</small></small></small>": "390 pixels: smaller than 12 pixels: <small>",
    "<button>a</button>": "without script: there are buttons",
    "<table><caption>t</caption><thead><tr><th class='number'>n</th></tr></thead><tbody><tr><td data-value='1'>2</td></tr>"
    "<tr><td data-value='2'>1</td></tr></tbody></table>": "sorting: t: n, ascending: 2 comes before 1",
    f"<div class='table'><table><caption>u</caption><thead><tr><th>{'wide' * 50}</th></tr></thead><tbody><tr><td>a</td></tr></tbody></table></div>": "paper: the table u",
}


def test_the_check_finds_what_is_wrong(tmp_path: Path) -> None:
    browser = chromium()
    page = render_page("runs", [], []).replace("</main>", f"{''.join(FAULTS)}</main>")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    findings = look(browser, tmp_path / "report.html")["findings"]
    assert [said for said in FAULTS.values() if not any(finding.startswith(said) for finding in findings)] == [], findings
