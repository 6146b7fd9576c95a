"""CONTRIBUTING.md, CHANGELOG.md, the Makefile, the scripts of CI and constraints.txt against the tree and against each other."""

import configparser
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest
from import_graph import RANKS
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from places import ROOT

import kcifar

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CI_RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
TARGETS = dict(re.findall(r"^([a-z-]+): ## .*\n((?:\t.*\n?)*)", MAKEFILE, flags=re.MULTILINE))
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE))


def read_requirements() -> dict[str, list[Requirement]]:
    """Return what setup.cfg requires: of every installation (""), and of each extra."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lists = {"": setup["options"]["install_requires"], **setup["options.extras_require"]}
    return {extra: [Requirement(line) for line in lines.split("\n") if line.strip()] for extra, lines in lists.items()}


REQUIREMENTS = read_requirements()


def test_the_changelog_has_unreleased_changes_and_the_present_version() -> None:
    headings = re.findall(r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == kcifar.__version__
    assert all(date for _, date in headings[1:])


def test_the_changelog_has_only_the_kinds_of_keep_a_changelog() -> None:
    kinds = set(re.findall(r"^### (.+)$", CHANGELOG, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_names_packages_and_functions_that_exist() -> None:
    present = [row.split("|")[2] for row in CHANGELOG.splitlines() if row.startswith("| `kcifar")]
    names = [name for cell in present for name in re.findall(r"`([\w.]+)`", cell)]
    assert len(names) > 15
    for name in names:
        assert pkgutil.resolve_name(name)


def test_the_contributors_table_has_every_make_target_and_each_is_phony() -> None:
    named = set(re.findall(r"`make ([a-z-]+)`", CONTRIBUTING))
    assert named == set(TARGETS) - {"help"}
    assert set(MAKEFILE.split(".PHONY:")[1].splitlines()[0].split()) == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_runs_files_that_exist(target: str) -> None:
    assert TARGETS[target].strip()
    for path in re.findall(r"(?:\.ci|tests|reports|stages)/[\w./-]+", TARGETS[target].replace("--out", "")):
        assert (ROOT / path).exists(), path


def test_make_reports_runs_commands_of_the_page_of_reports() -> None:
    page = " ".join((ROOT / "reports" / "README.md").read_text(encoding="utf-8").replace("\\\n", " ").split())
    commands = [" ".join(command.split()) for command in TARGETS["reports"].replace("\\\n", " ").strip().splitlines()]
    assert len(commands) == 2
    assert [command for command in commands if command not in page] == []


def test_ci_runs_what_a_contributor_runs() -> None:
    for target in ("lint", "types", "test"):
        for command in TARGETS[target].split("\n"):
            assert f"\n{command.strip()}\n" in CI_RUN


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_ci_parses_and_stops_at_the_first_error(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    assert script.stat().st_mode & 0o100
    assert "set -euo pipefail\n" in script.read_text(encoding="utf-8")


def test_ci_runs_tests_that_exist() -> None:
    for path in re.findall(r"\btests/\S+\.py\b", CI_RUN):
        assert (ROOT / path).is_file(), path


def test_contributors_read_of_every_level_and_of_files_that_exist() -> None:
    levels = CONTRIBUTING[CONTRIBUTING.index("## Levels") : CONTRIBUTING.index("## Names")]
    parts = {"models", "datasets", "augment", "optimizers", "schedules", "losses"}  # "the parts"
    assert {name for names in RANKS[:-1] for name in names} - parts <= set(re.findall(r"`(\w+)`", levels))
    for path in re.findall(r"`((?:kcifar|tests|stages|reports|\.ci)/[\w./-]*)`", CONTRIBUTING):
        assert (ROOT / path).exists(), path


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins = {canonicalize_name(name): version for name, version in PINS.items()}
    for extra in ("", "test", "jax", "torch", "dev"):
        for requirement in REQUIREMENTS[extra]:
            if requirement.name != "kcifar":
                assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_the_extra_for_contributors_has_the_tests_and_every_backend() -> None:
    itself = next(requirement for requirement in REQUIREMENTS["dev"] if requirement.name == "kcifar")
    assert itself.extras == {"test", "jax"}
    assert {requirement.name for requirement in REQUIREMENTS["torch"]} <= {requirement.name for requirement in REQUIREMENTS["dev"]}
