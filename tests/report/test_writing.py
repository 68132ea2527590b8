"""Whatever a model is called, it stays text in Markdown, CSV, LaTeX and HTML."""

import csv
import io
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from medenv.report.tables import Column, Table
from medenv.report.writing import csv_table, html_table, latex_table, latex_text, markdown_table

NAMES = st.text(
    st.one_of(st.sampled_from(list("<>&\"'`|\\$%#_^~{}[]()*=+-@,;:\n\r\t!")), st.characters(codec="utf-8")), max_size=20
)


def one_cell(name):
    return Table("t", name, [Column("Model"), Column(name), Column("Score", "percent")], [[name, name, 0.5]], name)


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@given(NAMES)
def test_html_holds_no_tag_of_a_name(name):
    parser = Texts()
    parser.feed(html_table(one_cell(name)))
    known = {"section", "h2", "div", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert set(parser.tags) <= known
    assert parser.tags.count("td") == 2
    assert parser.tags.count("th") == 4


@given(NAMES)
def test_csv_gives_a_name_back_and_no_spreadsheet_a_formula(name):
    rows = list(csv.reader(io.StringIO(csv_table(one_cell(name)), newline="")))
    assert len(rows) == 2
    assert rows[1][0] in (name, "'" + name)
    assert not rows[1][0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert rows[1][2] == "50.0"


@given(NAMES)
def test_markdown_keeps_its_rows_and_columns(name):
    lines = [line for line in markdown_table(one_cell(name)).split("\n") if line.startswith("|")]
    assert len(lines) == 3
    for line in lines:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`$]", lines[2])


@given(NAMES)
def test_latex_has_no_command_of_a_name(name):
    text = latex_text(name)
    commands = re.findall(r"\\(?:[a-zA-Z]+|.)", text)
    known = {f"\\text{one}" for one in ("backslash", "asciicircum", "asciitilde", "less", "greater", "bar", "quotedbl")}
    assert set(commands) <= known | {f"\\{one}" for one in "{}$&#%_"}
    bare = re.sub(r"\\(?:[a-zA-Z]+(?:\{\})?|.)", "", text).replace("$-$", "")
    assert not set(bare) & set("\\{}$&#%_^\n\r")


def test_a_latex_table_is_whole():
    text = latex_table(one_cell("[a] & 50 %"))
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")].strip().splitlines()[1]
    assert body == r"{}[a] \& 50 \% & {}[a] \& 50 \% & 50.0 \\"
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert r"\begin{tabular}{llr}" in text
