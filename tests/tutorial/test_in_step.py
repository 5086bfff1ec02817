"""Each translated notebook is in step with the original, cell by cell, and says what is not."""

from copy import deepcopy

import nbformat
import pytest
from in_step import STAMP, differences, out_of_date, problems, read, stamp, stamp_of, translated
from languages import EXERCISES, LANGUAGES, ORIGINAL, ROOT, TRANSLATIONS
from pages import stamp_in, text_of, translated_pages, write_stamp

ZH = "zh-TW"


@pytest.mark.parametrize(
    ("language", "original", "path"),
    [pytest.param(*each, id=f"{each[0]}-{each[2].stem}") for each in translated()],
)
def test_it_is_in_step(language, original, path):
    assert list(problems(read(original), read(path), language)) == []


@pytest.mark.parametrize(
    ("language", "original", "path"),
    [pytest.param(*each, id=f"{each[0]}-{each[1].stem}") for each in translated_pages()],
)
def test_a_page_is_in_step(language, original, path):
    now = stamp_of(text_of(original), text_of(path), language)
    assert list(out_of_date(stamp_in(path), now)) == []


def test_every_page_is_translated():
    folders = [ROOT / "docs" / each for each in LANGUAGES]
    pages = [{path.relative_to(each) for path in each.rglob("*.md")} for each in folders]
    assert all(names == pages[0] for names in pages)


@pytest.mark.parametrize("folders", [LANGUAGES, EXERCISES], ids=["notebooks", "exercises"])
@pytest.mark.parametrize("language", TRANSLATIONS)
def test_every_notebook_is_translated(language, folders):
    names = [{path.name for path in folders[each].glob("*.ipynb")} for each in (ORIGINAL, language)]
    assert names[1] == names[0]


# What the rules find


def printed(text):
    return nbformat.v4.new_output("stream", text=text)


def text(source, **metadata):
    return nbformat.v4.new_markdown_cell(source, id="text", metadata=metadata)


def cell(source, *outputs, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return nbformat.v4.new_code_cell(source, id="code", outputs=list(outputs), metadata=metadata)


ENGLISH_TEXT = """\
## The gradient

The derivative of $x^2$ is `2 * x`; see the [glossary](glossary.ipynb#derivative).
With <kbd>Shift</kbd>:

$$y = x^2 \\text{ and more}.$$

- one

```python
print("the gradient", 2 * x)  # what is expected
```

**What is it?**"""
CHINESE_TEXT = """\
## 梯度

$x^2$ 的導數是 `2 * x`，見[詞彙表](glossary.ipynb#derivative)。按 <kbd>Shift</kbd>：

$$y = x^2 \\text{ 等等}$$

- 一

```python
print("梯度", 2 * x)  # 預期的值
```

**是什麼？**"""
ENGLISH_CODE = """\
from autodiff_helpers import plot_graph

print("x.grad before ==>\\n", x.grad, "\\n")  # printed
assert x.grad == 2, f"Not {2}"
"""
CHINESE_CODE = """\
from autodiff_helpers import plot_graph, set_language

set_language("zh-TW")
print("歸零前的x.grad ==>\\n", x.grad, "\\n")  # 印出
assert x.grad == 2, f"不是 {2}"
"""
ENGLISH = [text(ENGLISH_TEXT), cell(ENGLISH_CODE, printed("x.grad before ==>\n 2.0 \n"))]
CHINESE = [text(CHINESE_TEXT), cell(CHINESE_CODE, printed("歸零前的x.grad ==>\n 2.0 \n"))]


def editions():
    """A notebook and its translation, which are in step."""
    notebooks = [nbformat.v4.new_notebook(cells=deepcopy(cells)) for cells in (ENGLISH, CHINESE)]
    for one, other in zip(*(notebook.cells for notebook in notebooks), strict=True):
        other.metadata[STAMP] = stamp_of(one.source, other.source, ZH)
    return notebooks


def test_a_translation_in_step_is_let_pass():
    assert list(problems(*editions(), ZH)) == []


@pytest.mark.parametrize(
    ("number", "was", "becomes", "problem"),
    [
        (0, "## ", "### ", "headings"),
        (0, "$x^2$", "$x^3$", "formulas"),
        (0, "$$y = x", "$$y = -x", "formulas"),
        (0, "#derivative", "#gradient", "links"),
        (0, "</kbd>", "", "tags"),
        (0, "2 * x)", "3 * x)", "code blocks"),
        (0, "`2 * x`", "`x * 2`", "names in code"),
        (0, "- 一", "- 一\n- 二", "items of a list"),
        (0, "- 一", "- 一\n\n| |\n| - |", "rows of a table"),
        (0, "？", "。", "questions"),
        (1, "x.grad,", "x.data,", "other code"),
        (1, "plot_graph,", "plot_graph, check_gradient,", "other code"),
        (1, '("zh-TW")', '("en")', "other code"),
        (1, "==>\\n", "==>", "other code"),
        (1, "== 2,", "== 3,", "other code"),
        (1, "{2}", "{3}", "other code"),
    ],
)
def test_what_differs_is_named(number, was, becomes, problem):
    other = CHINESE[number].copy()
    assert was in other.source
    other.source = other.source.replace(was, becomes, 1)
    (found,) = differences(ENGLISH[number], other, ZH)
    assert problem in found


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (text("x"), "another type"),
        (cell(CHINESE_CODE, *CHINESE[1].outputs, tags=["hide-output"]), "other tags"),
        (cell(CHINESE_CODE), "other kinds of output"),
        (cell(CHINESE_CODE, printed("歸零前的x.grad ==>\n 3.0 \n")), "'2.0', '3.0'"),
    ],
)
def test_another_kind_of_cell_or_output_is_named(other, problem):
    (found,) = differences(ENGLISH[1], other, ZH)
    assert problem in found


def test_the_language_is_chosen_where_the_helpers_are_imported():
    english, chinese = editions()
    chinese.cells[1].source = CHINESE_CODE.replace('set_language("zh-TW")\n', "")
    texts = [notebook.cells[1].source for notebook in (english, chinese)]
    chinese.cells[1].metadata[STAMP] = stamp_of(*texts, ZH)
    (problem,) = problems(english, chinese, ZH)
    assert problem == "set_language must be called in cell ['code'], and is in []"


@pytest.mark.parametrize(("changed", "follows"), [(ORIGINAL, ZH), (ZH, ORIGINAL)])
@pytest.mark.parametrize("number", [0, 1])
def test_a_change_names_the_cell_that_has_to_follow(changed, follows, number):
    notebooks = dict(zip((ORIGINAL, ZH), editions(), strict=True))
    changed_cell = notebooks[changed].cells[number]
    changed_cell.source += "\n# more" if number else " More."
    (problem,) = problems(*notebooks.values(), ZH)
    assert problem.startswith(f"cell {changed_cell.id}: was changed in {changed}; let {follows}")


def test_a_cell_that_is_missing_or_in_another_place_is_named():
    english, chinese = editions()
    chinese.cells.reverse()
    assert list(problems(english, chinese, ZH)) == [
        "has not the cells of the original in their order: in another order"
    ]
    del chinese.cells[0]
    (problem,) = problems(english, chinese, ZH)
    assert problem.endswith("lacks ['code']")


def test_stamps_are_new_where_a_text_is_new_and_only_there(tmp_path):
    english, chinese = editions()
    paths = [tmp_path / "english.ipynb", tmp_path / "chinese.ipynb"]
    chinese.cells[0].source += "。"
    del chinese.cells[1].metadata[STAMP]
    found = list(problems(english, chinese, ZH))
    assert [problem.split(";")[0] for problem in found] == [
        "cell text: was changed in zh-TW",
        "cell code: has no stamp yet",
    ]
    for notebook, path in zip((english, chinese), paths, strict=True):
        nbformat.write(notebook, path)
    assert stamp(ZH, *paths) == ["text", "code"]
    assert stamp(ZH, *paths) == []
    assert list(problems(*map(read, paths), ZH)) == []


def test_the_stamp_of_a_page_is_no_part_of_its_text(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# 梯度\n", encoding="utf-8")
    assert (text_of(path), stamp_in(path)) == ("# 梯度\n", None)
    for text in ("# Gradient\n", "# The gradient\n"):
        now = stamp_of(text, text_of(path), ZH)
        assert list(out_of_date(stamp_in(path), now)) != []
        write_stamp(path, now)
        assert text_of(path) == "# 梯度\n"
        assert list(out_of_date(stamp_in(path), now)) == []
