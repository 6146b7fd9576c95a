"""Laws of the LaTeX tables: whole, escaped, no wider than a column, and compiled by pdflatex where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import SETTINGS, made
from run_folders import CASES

from kcifar.reporting.page.columns import COUNT, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import Table
from kcifar.reporting.page.latex_tables import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    _make_columns,
    escape_latex,
    measure_columns,
    to_latex,
    wrap_texts,
)
from kcifar.reporting.section import find_sections
from kcifar.runs.load import load_run

LATIN = 'run_1 100% & #5 ~x^2 {a} <b> \\c [*] |"`→ ±0.5 … é'  # every sign that LaTeX obeys
NAMES = st.text(st.sampled_from("abcXYZ019_-./ %&#"), min_size=1, max_size=40)
# A paper of two columns of 3.33 inches; the last resort, a smaller font, is taken away, so that a table that is too wide shows in the log.
PAPER = r"""\documentclass[twocolumn]{article}
\usepackage[T1]{fontenc}
\usepackage{array,booktabs,graphicx}
\setlength{\textwidth}{7in}\setlength{\columnsep}{0.34in}\setlength{\textheight}{9in}\setlength{\oddsidemargin}{-0.25in}
\renewcommand{\resizebox}[3]{#3}
\extrafloats{200}
\begin{document}
%s
\end{document}
"""
LONG_PAPER = PAPER.replace("[twocolumn]", "").replace("graphicx", "graphicx,longtable").replace("7in", "345pt")


def _tables_of_all_sections(folder: Path) -> list[Table]:
    """Return the tables of every section, of saved runs and of made ones that differ in a setting."""
    saved = [load_run(CASES[case](folder / case), case) for case in ("three stages", "another seed", "not finite", "no validation")]
    rates = [SETTINGS | {"name": f"lenet_rate_{rate}", "stages": [{"name": "learn", "learning_rate": {"value": rate}}]} for rate in (0.1, 0.2)]
    studied = [made(f"run{seed}-{rate}", 50 + seed, seed=seed, resolved=resolved) for seed in (0, 1) for rate, resolved in enumerate(rates)]
    contents = [section.of_runs(runs) for section in find_sections() if section.of_runs for runs in (saved, studied)]
    contents += [section.of_run(run) for section in find_sections() if section.of_run for run in saved]
    return [table for content in contents for table in content.tables]


def _made_table(names: list[str], numbers: int, note: str = "") -> Table:
    columns = {"recipe name": TEXT, "changes": TEXT, **{f"test accuracy {place}": PERCENT for place in range(numbers)}}
    rows = [{"recipe name": name, "changes": f"{name} → none"} | dict.fromkeys(list(columns)[2:], 0.5) for name in names]
    return Table("made", "Made", columns, make_frame(rows, columns, ["recipe name"]), note)


def check_structure(table: Table) -> None:
    """Check what can be seen without LaTeX: environments nest, rows are whole, rules are three, and nothing is wider than it may be."""
    text = to_latex(table)
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    bare = re.sub(r"\\[\\{}%&#$_]", "", text)
    assert bare.count("{") == bare.count("}")
    body = re.sub(r"\\begin\{tabular\}\[b\].*?\\end\{tabular\}", "heading", text)
    rows = [line for line in body.splitlines() if line.endswith(r" \\") and not line.startswith(r"\caption")]
    assert len(rows) == len(table.frame) + 1
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) - 1}
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{", rf"\label{{tab:{table.name}}}")] == [1] * 5
    assert f"\\caption{{{escape_latex(table.title)}}}" in text  # short: the note is below
    assert (r"\end{tabular}}" not in text) or not table.note or text.index(escape_latex(table.note)) > text.index(r"\end{tabular}}")
    if "\\begin{table}" in text:
        assert measure_columns(wrap_texts(_make_columns(table), COLUMN_WIDTH)) <= COLUMN_WIDTH


def test_tables_of_all_sections_are_whole(tmp_path: Path) -> None:
    tables = _tables_of_all_sections(tmp_path)
    assert len({table.name for table in tables}) > 12
    for table in tables:
        check_structure(table)


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=60), st.integers(0, 12), st.sampled_from(["", LATIN]))
def test_any_table_is_whole(names: list[str], numbers: int, note: str) -> None:
    check_structure(_made_table(names, numbers, note))


@given(st.lists(NAMES, min_size=1, max_size=4), st.integers(0, 20), st.floats(100, 600))
def test_texts_are_wrapped_no_more_than_needed(names: list[str], numbers: int, limit: float) -> None:
    columns = _make_columns(_made_table(names, numbers))
    wrapped = wrap_texts(columns, limit)
    before, after = measure_columns(columns), measure_columns(wrapped)
    assert after <= before
    if before <= limit:
        assert wrapped == columns
    elif after < limit:
        assert after == pytest.approx(limit)
    assert [column.cells for column in wrapped] == [column.cells for column in columns]
    assert all(column.wrapped is None for column in wrapped if column.is_number)


def test_few_columns_are_for_one_column_of_a_paper_and_many_for_both() -> None:
    assert r"\begin{table}" in to_latex(_made_table(["lenet_sgd", "a recipe with a long name that has to be wrapped"], 2))
    wide = to_latex(_made_table(["lenet_sgd"], 9))
    assert r"\begin{table*}" in wide
    assert wide.startswith("% 11 columns are too many for one column of a paper: --columns chooses some\n")
    assert PAGE_WIDTH > COLUMN_WIDTH


def _make_fullest_table() -> Table:
    """Return the table with the most columns of one digit that is for one column of a paper."""
    fitting = []
    for count in range(9, 60):
        columns = {str(place): COUNT for place in range(count)}
        fitting.append(Table("full", "Full", columns, make_frame([dict.fromkeys(columns, 8)], columns, ["0"])))
    return [table for table in fitting if r"\begin{table}" in to_latex(table)][-1]


def _compile(paper: str, tables: list[Table], folder: Path) -> str:
    """Typeset tables and return the log, as one line per message."""
    engine = shutil.which("pdflatex")
    if engine is None:
        pytest.skip("pdflatex is not installed (Debian: apt-get install texlive-latex-base texlive-latex-recommended)")
    texts = [re.sub(r"tab:(\w+)", rf"tab:\g<1>{place}", to_latex(table)) for place, table in enumerate(tables)]
    (folder / "paper.tex").write_text(paper % "\n\\clearpage\n".join(texts), encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-draftmode", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    return (folder / "paper.log").read_text(encoding="utf-8", errors="replace")


def test_a_paper_of_two_columns_holds_every_table_without_a_line_that_sticks_out(tmp_path: Path) -> None:
    tables = [table for table in _tables_of_all_sections(tmp_path) if len(table.frame) <= 45]
    tables = list({table.name: table for table in tables if measure_columns(wrap_texts(_make_columns(table), PAGE_WIDTH)) <= PAGE_WIDTH}.values())
    tables.append(_made_table([LATIN, "x" * 90, "resnet20_with_a_name_that_goes_on_and_on", "MMMMMMMMMM_WWWWWWWW"], 3, LATIN))
    tables.append(_make_fullest_table())
    assert len(tables) > 10
    log = _compile(PAPER, tables, tmp_path)
    assert re.findall(r"Overfull \\hbox.*", log) == []
    assert "multiply defined" not in log


def test_a_table_that_is_too_wide_for_a_page_is_made_smaller(tmp_path: Path) -> None:
    table = _made_table(["lenet_sgd"], 30)
    assert re.findall(r"Overfull \\hbox", _compile(PAPER, [table], tmp_path))
    paper = PAPER.replace(r"\renewcommand{\resizebox}[3]{#3}", "")
    assert re.findall(r"Overfull \\hbox.*", _compile(paper, [table], tmp_path)) == []


def test_a_long_table_goes_over_several_pages(tmp_path: Path) -> None:
    log = _compile(LONG_PAPER, [_made_table([f"recipe_{place} {LATIN}" for place in range(100)], 2, LATIN)], tmp_path)
    assert re.findall(r"Overfull \\hbox.*", log) == []
    assert "[2" in log  # the second page
