"""How the site looks; tools/build_site.py builds it, once for each language."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from sphinx.locale import _

DOCS = Path(__file__).parent
sys.path += [str(DOCS), str(DOCS.parent / "tools")]

from address import known_address  # noqa: E402
from chinese_search import TraditionalChinese  # noqa: E402
from languages import LANGUAGES, NAMES, NOTEBOOKS, ORIGINAL, ROOT  # noqa: E402

project = "Automatic differentiation"
author = "The autodiff tutorial authors"
copyright = f"2026 {author}. Text: CC BY 4.0, code: MIT"
extensions = ["myst_nb", "sphinx_external_toc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Only parts of a README are shown, by the pages that include them; notes belong to slides.
exclude_patterns = ["README*.md", "notes"]
# What the site itself says in other languages.
locale_dirs = [str(DOCS / "locale")]

# The notebooks are shown as they are stored: nbval has proved them, and nothing is run here.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# A link to a heading leads there in JupyterLab too.
myst_heading_slug_func = "pages.anchor"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
add_module_names = False

html_theme = "furo"
pygments_dark_style = "a11y-dark"
html_theme_options = {"top_of_page_buttons": []}
html_favicon = "static/favicon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
templates_path = ["templates"]
html_use_index = False
# The download link of a page leads to the copy of the notebook that Sphinx keeps under this name.
html_sourcelink_suffix = ""
# Mathematics is set by our own copy of MathJax, so that the site needs no other host.
mathjax_path = "mathjax/tex-chtml.js"
# Its menu would make every formula a stop for the Tab key.
mathjax3_config = {"options": {"enableMenu": False}}


def speak(app):
    """Say in the language of the site what is not said by templates."""
    app.config.html_title = _("Automatic differentiation")
    # An output that a question asks to predict is folded.
    app.config.nb_code_prompt_show = _("Show the output")
    app.config.nb_code_prompt_hide = _("Hide the output")


def lead_to_other_languages(app, page, _template, context, _doctree):
    """Give each page the addresses of the same page in the other languages, and its own."""
    own = app.config.language.replace("_", "-")
    up = "../" * (page.count("/") + 1)
    context["languages"] = [
        {"code": code, "name": name, "address": f"{up}{code}/{page}.html"}
        for code, name in NAMES.items()
        if code != own
    ]
    context["slides"] = f"{up}slides/{own}/{page}.html"
    context["original"] = ORIGINAL


def lead_to_the_repository(app, page, _template, context, _doctree):
    """Give each page the addresses where a fault in it is reported and where it can be run."""
    address = known_address(ROOT)
    language = app.config.language.replace("_", "-")
    notebook = LANGUAGES[language] / f"{page}.ipynb"
    if not notebook.exists():  # what nobody has translated is there in English
        notebook = LANGUAGES[ORIGINAL] / notebook.name
    path = notebook.relative_to(NOTEBOOKS).as_posix()
    context["fault"] = address and address.new_issue(f"{language}/{page}")
    context["opened"] = address.opened(path) if address else {}


def describe_pictures(app, doctree):
    """Give each picture of a notebook its title as alternative text."""
    for image in doctree.findall(nodes.image):
        picture = ElementTree.parse(Path(app.srcdir, image["uri"]))
        image["alt"] = picture.findtext("{http://www.w3.org/2000/svg}title")


def say_how_to_do_exercises(_app, doctree):
    """Lead from the exercises of a page to where they can be done."""
    for section in doctree.findall(nodes.section):
        if section[0].astext() == _("Try it"):
            words = (
                _("Run it yourself"),
                _("{link} says how to get this notebook, in which you can do the exercises."),
            )
            section["ids"] = ["try-it"]
            link = nodes.reference("", words[0], internal=True, refuri="run-it-yourself.html")
            before, after = map(nodes.Text, words[1].split("{link}"))
            section.insert(1, nodes.paragraph("", "", before, link, after))


def lead_to_the_helpers(_app, doctree):
    """Where a text says `check_gradient?`, link it to what JupyterLab would show for it."""
    for literal in list(doctree.findall(nodes.literal)):
        name, question, rest = literal.astext().partition("?")
        if question and not rest:
            target = f"helpers.html#autodiff_helpers.{name}"
            link = nodes.reference("", "", literal.deepcopy(), internal=True, refuri=target)
            literal.replace_self(link)


# What may not begin a line.
CLOSING = re.compile("[，。、；：？！）」]+")


def keep_together(_app, doctree):
    """Let no line begin with the punctuation that follows a formula."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (closing := CLOSING.match(after)):
            together = nodes.inline("", "", formula.deepcopy(), nodes.Text(closing[0]))
            together["classes"] = ["together"]
            # By place: a text is found by what it says, and another one may say the same.
            here = formula.parent.index(formula)
            formula.parent[here : here + 2] = [together, nodes.Text(after[closing.end() :])]


def setup(app):
    """Let Sphinx call the functions above for every page."""
    app.add_search_language(TraditionalChinese)
    # Before myst_nb reads the settings.
    app.connect("builder-inited", speak, priority=0)
    app.connect("html-page-context", lead_to_other_languages)
    app.connect("html-page-context", lead_to_the_repository)
    app.connect("doctree-read", keep_together)
    app.connect("doctree-read", describe_pictures)
    # Before the contents of a page are collected, which lead to its sections.
    app.connect("doctree-read", say_how_to_do_exercises, priority=0)
    app.connect("doctree-read", lead_to_the_helpers)
