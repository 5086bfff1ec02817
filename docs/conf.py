"""How the site looks; tools/build_site.py builds it, once for each language."""

from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes

project = "Automatic differentiation"
author = "The autodiff tutorial authors"
copyright = f"2026 {author}. Text: CC BY 4.0, code: MIT"
extensions = ["myst_nb", "sphinx_external_toc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# Only parts of it are shown, by the pages that include them.
exclude_patterns = ["README.md"]

# The notebooks are shown as they are stored: nbval has proved them, and nothing is run here.
nb_execution_mode = "off"
# An output that a question asks to predict is folded.
nb_code_prompt_show = "Show the output"
nb_code_prompt_hide = "Hide the output"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
add_module_names = False

html_theme = "furo"
pygments_dark_style = "a11y-dark"
html_title = project
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


def describe_pictures(app, doctree):
    """Give each picture of a notebook its title as alternative text."""
    for image in doctree.findall(nodes.image):
        picture = ElementTree.parse(Path(app.srcdir, image["uri"]))
        image["alt"] = picture.findtext("{http://www.w3.org/2000/svg}title")


def say_how_to_do_exercises(_app, doctree):
    """Lead from the exercises of a page to where they can be done."""
    for section in doctree.findall(nodes.section):
        if "try-it" in section["ids"]:
            link = nodes.reference(
                "", "Run it yourself", internal=True, refuri="run-it-yourself.html"
            )
            rest = nodes.Text(" says how to get this notebook, in which you can do the exercises.")
            section.insert(1, nodes.paragraph("", "", link, rest))


def lead_to_the_helpers(_app, doctree):
    """Where a text says `check_gradient?`, link it to what JupyterLab would show for it."""
    for literal in list(doctree.findall(nodes.literal)):
        name, question, rest = literal.astext().partition("?")
        if question and not rest:
            target = f"helpers.html#autodiff_helpers.{name}"
            link = nodes.reference("", "", literal.deepcopy(), internal=True, refuri=target)
            literal.replace_self(link)


def setup(app):
    """Let Sphinx call the functions above for every page."""
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", say_how_to_do_exercises)
    app.connect("doctree-read", lead_to_the_helpers)
