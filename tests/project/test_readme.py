"""The README and the pages of docs/ against the tree: links, files, commands with their options, keys and parts with their arguments."""

import re
import subprocess
import sys
from fractions import Fraction
from inspect import Parameter, signature
from pathlib import Path

import pytest
from places import PAGES, ROOT
from published_parameters import PARAMETERS

from kcifar.augment import AUGMENTATIONS
from kcifar.core.registry import Registry
from kcifar.documentation.markdown import make_key_tables
from kcifar.losses import LOSSES
from kcifar.models import MODELS
from kcifar.optimizers import OPTIMIZERS
from kcifar.planning.plan import make_plan
from kcifar.recipe.document import Document
from kcifar.recipe.load import load_recipe
from kcifar.recipe.stage_settings import Stage
from kcifar.recipe.yaml_file import parse_yaml
from kcifar.reporting.section import find_sections
from kcifar.schedules import SCHEDULES

TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
ALL_PAGES = "\n".join(TEXTS.values())
MAP = ALL_PAGES[ALL_PAGES.index("## A map of the files") :].split("\n## ")[0]


def test_the_map_names_every_file_and_nothing_that_is_gone() -> None:
    named = set(re.findall(r"`((?:kcifar|stages|tests)/[\w./]*)`", MAP[MAP.index("| file |") :]))
    there = {
        f"kcifar/{path.name}{'/' if path.is_dir() else ''}"
        for path in (ROOT / "kcifar").iterdir()
        if path.suffix in (".py", "") and path.name != "__pycache__"
    }
    assert named == there | {"stages/", "tests/"}


def test_the_tables_of_keys_are_made_from_the_keys_descriptions() -> None:
    """`python -m kcifar.recipes keys --markdown` prints them."""
    start = ALL_PAGES.index("| key | value |")
    tables = ALL_PAGES[start : ALL_PAGES.index("\n\n", ALL_PAGES.index("| key of a stage |")) + 1]
    assert tables == make_key_tables()
    named = {row.split("`")[1].split(".")[0] for row in tables.splitlines() if "`" in row}
    assert named == set(Document.model_fields) | set(Stage.model_fields)


@pytest.mark.parametrize(
    ("head", "registry", "supplied"),
    [
        ("| schedule |", SCHEDULES, {"span"}),
        ("| optimizer |", OPTIMIZERS, {"learning_rate"}),
        ("| loss |", LOSSES, {"targets", "logits"}),
        ("| augmentation |", AUGMENTATIONS, set()),
    ],
    ids=["schedules", "optimizers", "losses", "augmentations"],
)
def test_the_tables_of_parts_have_every_name_with_its_arguments_and_defaults(head: str, registry: Registry, supplied: set[str]) -> None:
    rows = [row.split(" | ") for row in ALL_PAGES[ALL_PAGES.index(head) :].split("\n\n")[0].splitlines()[2:]]
    written = {name: dict(re.findall(r"`(\w+)`(?: \(([^:;) ]*)[^)]*\))?", row[1])) for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert set(written) == set(registry.names())
    for name, arguments in written.items():
        parameters = {key: value for key, value in signature(registry.get(name)).parameters.items() if key not in supplied}
        assert list(arguments) == list(parameters), name
        for key, parameter in parameters.items():
            assert _same(arguments[key], parameter), (name, key)


def _same(written: str, parameter: Parameter) -> bool:
    """Whether a default is what the table writes: nothing where there is none, numbers as numbers or fractions, words as they begin."""
    default = parameter.default
    if default is parameter.empty or written == "":
        return default is parameter.empty and written == ""
    if default is None:
        return written == "none"
    if isinstance(default, bool | str):
        return str(default).lower().split()[0] == written
    return float(default) == pytest.approx(float(Fraction(written)))


def test_the_tables_of_sections_have_every_section_in_the_order_of_the_report() -> None:
    tables = ALL_PAGES[ALL_PAGES.index("| section | of several runs |") : ALL_PAGES.index("A section is one file")]
    named = [name for row in tables.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")]
    result = find_sections()
    first = [section.name for section in result if section.of_runs]
    assert named[: len(first)] == first
    assert sorted(named[len(first) :]) == sorted(section.name for section in result if section.of_run)


def find_anchors(page: Path) -> set[str]:
    """Return what a link may name after the # of a page: its headings, as GitHub writes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]*)\)", TEXTS[page]) if "://" not in link]
    for link in links:
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), link
        assert not anchor or anchor in find_anchors(path), link


def test_the_readme_and_the_index_link_to_every_page() -> None:
    for index, folder in ((ROOT / "README.md", "docs/"), (ROOT / "docs" / "README.md", "")):
        linked = set(re.findall(r"\]\(([^)#\s]*)", TEXTS[index]))
        assert {f"{folder}{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"} <= linked


def test_every_recipe_and_command_exists() -> None:
    for path in set(re.findall(r"stages/[\w/-]+\.yaml", ALL_PAGES)) - {"stages/mine.yaml", "stages/NAME.yaml"}:  # examples
        assert (ROOT / path).exists(), path
    for command in re.findall(r"python -m kcifar\.(\w+)", ALL_PAGES):
        assert (ROOT / "kcifar" / f"{command}.py").exists() or (ROOT / "kcifar" / command / "__main__.py").exists(), command


def test_the_table_of_recipes_has_every_file_with_the_claim_that_it_names() -> None:
    rows = ALL_PAGES[ALL_PAGES.index("| recipe | trains") :].split("\n\n")[0].splitlines()[2:]
    result = [re.findall(r"\[`([\w-]+)`\]\(\.\./(stages/[\w/-]+)\.yaml\)", row) for row in rows]
    assert all(path.endswith(f"/{name}") for row in result for name, path in row)
    linked = sorted(path for row in result for _, path in row)
    assert linked == sorted(path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "stages").rglob("*.yaml"))
    for row, names in zip(rows, result, strict=True):
        claims = re.findall(r"\d\d\.\d\d", row.split("|")[-2])
        assert len(claims) in (0, len(names)), row
        for claim, (name, path) in zip(claims, names, strict=False):
            header = (ROOT / f"{path}.yaml").read_text(encoding="utf-8")
            assert f"{claim} %" in header or f"0.{claim.replace('.', '')}" in header, name


def test_the_example_of_a_recipe_that_extends_another_works() -> None:
    text = ALL_PAGES[ALL_PAGES.index("## A recipe that extends another") :].split("```")[1].removeprefix("yaml\n")
    written, _ = parse_yaml(text, "README.md")
    stages = make_plan(load_recipe(written | {"extend": str(ROOT / "stages" / written["extend"])})).stages
    assert [(stage.settings.batch_size, stage.optimizer.name, stage.settings.l2) for stage in stages] == [(128, "sgd", None)] * 3


def test_the_first_recipe_is_complete_and_has_eight_lines() -> None:
    text = TEXTS[ROOT / "README.md"].split("```yaml\n")[1].split("```")[0]
    written, _ = parse_yaml(text, "README.md")
    assert [stage.name for stage in make_plan(load_recipe(written)).stages] == ["learn", "refine"]
    assert len(text.splitlines()) == 8


def test_the_readmes_table_of_recipes_has_the_times_and_accuracies_of_their_headers() -> None:
    table = TEXTS[ROOT / "README.md"].split("| time on two cores |")[1].split("\n\n")[0].splitlines()[2:]
    for minutes, recipe, accuracy, _ in (row.strip("| ").split(" | ") for row in table):
        header = (ROOT / re.findall(r"\((.*)\)", recipe)[0]).read_text(encoding="utf-8").split("\nname:")[0]
        assert minutes.split()[0] in header, recipe
        assert accuracy.split()[0] in header, recipe


def test_the_zoo_is_whole() -> None:
    zoo = ALL_PAGES[ALL_PAGES.index("| family | networks") : ALL_PAGES.index("Each file in `kcifar/models/`")]
    assert set(re.findall(r"`(\w+)`", zoo)) == set(MODELS.names())


def test_the_sizes_are_the_published_ones() -> None:
    zoo = ALL_PAGES[ALL_PAGES.index("| family | networks") : ALL_PAGES.index("Each file in `kcifar/models/`")]
    counts = {published.count for published in PARAMETERS.values()} | {16_998_986}
    exact = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*,\d{3}", zoo)}
    rounded = re.findall(r"([\d.]+)M", zoo)
    assert exact <= counts
    assert [number for number in rounded if not any(f"{count / 1e6:.{len(number.split('.')[1])}f}" == number for count in counts)] == []


@pytest.mark.parametrize(
    "command", ["train", "report", "evaluate", "export", "models", "bench step", "bench time-to-accuracy", "recipes keys", "recipes schema"]
)
def test_the_options_of_its_commands_exist(command: str) -> None:
    used = {
        option
        for line in ALL_PAGES.splitlines()
        if (result := re.search(rf"kcifar\.{command} ([^#&]*)", line))
        for option in re.findall(r"--[\w-]+", result[1])
    }
    shown = subprocess.run([sys.executable, "-m", *f"kcifar.{command}".split(), "--help"], capture_output=True, text=True, check=True).stdout
    assert used <= set(re.findall(r"--[\w-]+", shown))
