"""Tables as LaTeX that fit a column of a paper: booktabs, a short caption, a label, and the note below.

Widths are estimated for footnotesize letters in a document of 10 points. A table that is wider than a column (3.33 inches) wraps its texts, a
still wider one spans both columns, and the last resort of one that is wider yet is a smaller font: no line sticks out.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from kcifar.reporting.page.columns import format_table
from kcifar.reporting.page.content import Table

COLUMN_WIDTH, PAGE_WIDTH = 240.0, 500.0  # points: a column, and both with what is between them
_LONG_WIDTH = 345.0  # points: the text of LaTeX's `article` in one column, since a longtable cannot be in two
_BETWEEN = 6.0  # points from column to column
_MIN_TEXT = 70.0  # points of a column whose texts are wrapped
_MAX_FLOATING_ROWS = 45  # more do not fit on a page, and LaTeX does not split a float
# Points of footnotesize letters, by how wide they are in LaTeX's own font, rounded up.
_NARROW, _LETTER, _CAPITAL, _WIDE = 2.7, 4.8, 6.8, 8.8
_WIDTHS = dict.fromkeys(" .,:;'!|iljtI()[]", _NARROW) | dict.fromkeys("0123456789", 4.3) | dict.fromkeys("mw%±×", 7.3) | dict.fromkeys("MW@→…", _WIDE)

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "→": r"\textrightarrow{}",
    "√": r"\textsurd{}",
    "−": r"\textminus{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*"},  # otherwise read as an argument of the preceding end of line
}
_LATEX_SPECIAL = re.compile("[" + re.escape("".join(_LATEX)) + "]")
_AFTER_SIGN = re.compile(r"(?<=[_./=-])")
_BREAK = r"\allowbreak{}"
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"  # smaller if it is wider than the text, never larger


@dataclass(frozen=True)
class _Column:
    """A column as text: its heading in lines, its cells, whether it is aligned on the right, and its width in points; None: as wide as its cells."""

    heading: Sequence[str]
    cells: Sequence[str]
    is_number: bool
    wrapped: float | None = None

    @property
    def width(self) -> float:
        return self.wrapped if self.wrapped is not None else max(map(estimate_width, (*self.heading, *self.cells)))


def to_latex(table: Table) -> str:
    """Return the table for LaTeX: a float, or a longtable if it may not fit on a page; text is escaped.

    The float is for a column, or for both if that is too narrow even with wrapped texts. `\\label{tab:NAME}` is that of the table's name.
    """
    columns = _make_columns(table)
    if len(table.frame) > _MAX_FLOATING_ROWS:
        return "\n".join([*_write_longtable(table, wrap_texts(columns, _LONG_WIDTH)), ""])
    narrow = wrap_texts(columns, COLUMN_WIDTH)
    if measure_columns(narrow) <= COLUMN_WIDTH:
        return "\n".join([*_write_float(table, narrow, "table"), ""])
    wide = wrap_texts(columns, PAGE_WIDTH)
    hint = [f"% {len(columns)} columns are too many for one column of a paper: --columns chooses some"]
    return "\n".join([*hint, *_write_float(table, wide, "table*"), ""])


def escape_latex(text: str) -> str:
    """Return text that LaTeX typesets unchanged: no command, no mathematics, no end of cell."""
    return _LATEX_SPECIAL.sub(lambda match: _LATEX[match.group()], text)


def estimate_width(text: str) -> float:
    """Return about how wide a line of text is, in points: at least as wide as LaTeX sets it, with rare exceptions."""
    return sum(_WIDTHS.get(sign, _CAPITAL if sign.isupper() else _LETTER) for sign in text)


def measure_columns(columns: Sequence[_Column]) -> float:
    """Return about how wide columns are together, in points."""
    return sum(column.width for column in columns) + _BETWEEN * (len(columns) - 1)


def wrap_texts(columns: Sequence[_Column], limit: float) -> list[_Column]:
    """Return the columns with texts wrapped, the widest first and no more than needed, to be as wide as `limit` together if they can be."""
    wrapped = list(columns)
    while measure_columns(wrapped) > limit:
        texts = [place for place, column in enumerate(wrapped) if not column.is_number and column.width > _MIN_TEXT]
        if not texts:
            break
        widths = sorted({wrapped[place].width for place in texts}, reverse=True)
        widest = [place for place in texts if wrapped[place].width == widths[0]]
        excess = (measure_columns(wrapped) - limit) / len(widest)
        width = max(widths[0] - excess, widths[1] if len(widths) > 1 else 0.0, _MIN_TEXT)
        for place in widest:
            wrapped[place] = _Column(wrapped[place].heading, wrapped[place].cells, False, width)
    return wrapped


def _make_columns(table: Table) -> list[_Column]:
    texts = format_table(table.frame, table.columns)
    kinds = [table.columns[str(name)].is_number for name in table.frame.reset_index().columns]
    cells = [[str(cell) for cell in texts[heading]] for heading in texts.columns]
    return [_Column(_break_heading(str(heading), own), own, kind) for heading, own, kind in zip(texts.columns, cells, kinds, strict=True)]


def _break_heading(heading: str, cells: Sequence[str]) -> list[str]:
    """Wrap a heading at its spaces to about the width of its cells, or of its longest word."""
    letters = max(map(len, (*cells, *heading.split())), default=1)
    return textwrap.wrap(heading, letters, break_long_words=False, break_on_hyphens=False) or [""]


def _write_float(table: Table, columns: Sequence[_Column], environment: str) -> list[str]:
    return [
        r"% needs \usepackage[T1]{fontenc} and \usepackage{array,booktabs,graphicx}",
        rf"\begin{{{environment}}}",
        r"\centering",
        *_write_caption(table),
        r"\footnotesize\setlength{\tabcolsep}{3pt}",
        _FIT,
        rf"\begin{{tabular}}{{{_write_alignment(columns)}}}",
        *_write_rows(columns),
        r"\end{tabular}}",
        *_write_note(table),
        rf"\end{{{environment}}}",
    ]


def _write_longtable(table: Table, columns: Sequence[_Column]) -> list[str]:
    caption, label = _write_caption(table)
    top, heading, rule, *body = _write_rows(columns)
    return [
        r"% needs \usepackage[T1]{fontenc} and \usepackage{array,booktabs,longtable}; in two columns, put \onecolumn before it",
        r"{\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{_write_alignment(columns)}}}",
        caption + label + r" \\",
        *[top, heading, rule, r"\endhead"],
        *body,
        r"\end{longtable}}",
        *_write_note(table),
    ]


def _write_caption(table: Table) -> list[str]:
    return [rf"\caption{{{escape_latex(table.title)}}}", rf"\label{{tab:{table.name}}}"]


def _write_note(table: Table) -> list[str]:
    note = [r"\par\smallskip\noindent", r"\begin{minipage}{\linewidth}\scriptsize\raggedright", escape_latex(table.note), r"\end{minipage}"]
    return note if table.note else []


def _write_alignment(columns: Sequence[_Column]) -> str:
    """Return the argument of a tabular, without space at both ends."""
    kinds = (
        "r" if column.is_number else "l" if column.wrapped is None else rf">{{\raggedright\arraybackslash}}p{{{column.wrapped:.1f}pt}}"
        for column in columns
    )
    return f"@{{}}{''.join(kinds)}@{{}}"


def _write_rows(columns: Sequence[_Column]) -> list[str]:
    """Return the rules and rows of a table: rule, heading, rule, rows, rule."""
    headings = " & ".join(_write_heading(column) for column in columns)
    rows = zip(*([_write_cell(cell, column.wrapped) for cell in column.cells] for column in columns), strict=True)
    return [r"\toprule", rf"{headings} \\", r"\midrule", *(rf"{' & '.join(row)} \\" for row in rows), r"\bottomrule"]


def _write_heading(column: _Column) -> str:
    lines = [escape_latex(line) for line in column.heading]
    if len(lines) == 1 or column.wrapped is not None:
        return _write_cell(" ".join(column.heading), column.wrapped)
    stacked, alignment = r"\\".join(lines), "r" if column.is_number else "l"
    return rf"\begin{{tabular}}[b]{{@{{}}{alignment}@{{}}}}{stacked}\end{{tabular}}"


def _write_cell(text: str, wrapped: float | None) -> str:
    """Return a cell; in a wrapped one, words that are too long may be broken after a sign such as "_", and if need be at any letter."""
    if wrapped is None:
        return escape_latex(text)
    return " ".join(_BREAK.join(_split_word(word, wrapped)) for word in text.split(" "))


def _split_word(word: str, width: float) -> list[str]:
    """Return the parts of a word between which a line may end, escaped; a word that fits is one."""
    if estimate_width(word) <= width:
        return [escape_latex(word)]
    parts = _AFTER_SIGN.split(word)
    return [escape_latex(piece) for part in parts for piece in ([part] if estimate_width(part) <= width else part)]
