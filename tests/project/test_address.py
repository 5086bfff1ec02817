"""What leads to the repository is there, and right, if its address is known, and else nowhere."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
from address import Address, address_in, given_address, known_address, setting
from languages import LANGUAGES, ORIGINAL, ROOT
from readme import READMES, filled, for_pypi

OURS = Address("owner", "tutorial")
GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "by/github"}

both_ways = pytest.mark.parametrize("address", [OURS, None], ids=["with", "without"])


# Who says it


@pytest.mark.parametrize(
    "form",
    [
        "https://github.com/owner/tutorial",
        "https://github.com/owner/tutorial.git",
        "https://github.com/owner/tutorial/",
        "https://a-secret@github.com/owner/tutorial.git\n",
        "git@github.com:owner/tutorial.git",
        "ssh://git@github.com/owner/tutorial",
    ],
)
def test_every_form_of_an_address_is_understood(form):
    assert str(address_in(form)) == "https://github.com/owner/tutorial"


@pytest.mark.parametrize(
    "other",
    ["", "/", "/srv/tutorial.git", "../tutorial", "https://elsewhere.example/owner/tutorial"],
)
def test_what_is_no_repository_on_github_is_no_address(other):
    assert address_in(other) is None


def test_a_wrong_setting_is_refused_in_one_sentence():
    with pytest.raises(SystemExit, match=r"'github.com/owner', but should be .*; give that one"):
        given_address("github.com/owner")


def git(folder, *command):
    subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)


def test_the_setting_comes_first_then_github_then_git(tmp_path, monkeypatch):
    for name in GITHUB:
        monkeypatch.delenv(name, raising=False)
    settings = '[tool.autodiff-tutorial]\naddress = "{}"\n'
    (tmp_path / "pyproject.toml").write_text(settings.format(""))
    assert known_address(tmp_path) is None
    git(tmp_path, "init")
    assert known_address(tmp_path) is None
    git(tmp_path, "remote", "add", "origin", "/srv/clone")
    assert known_address(tmp_path) is None
    git(tmp_path, "remote", "set-url", "origin", "git@github.com:by/git.git")
    assert known_address(tmp_path) == Address("by", "git")
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    assert known_address(tmp_path) == Address("by", "github")
    (tmp_path / "pyproject.toml").write_text(settings.format(OURS))
    assert known_address(tmp_path) == OURS


def test_a_folder_in_somebody_elses_clone_has_not_their_address(tmp_path, monkeypatch):
    for name in GITHUB:
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init")
    git(tmp_path, "remote", "add", "origin", str(OURS))
    unpacked = tmp_path / "sdist"
    unpacked.mkdir()
    (unpacked / "pyproject.toml").write_text('[tool.autodiff-tutorial]\naddress = ""\n')
    assert known_address(unpacked) is None


# What is made from it


LINK = re.compile(r"\]\(([^)]*)\)")
FENCED = re.compile(r"```.*?```", re.S)


def is_there(link):
    """Whether a link leads to something: in this repository, or elsewhere at least to a host."""
    for place in (f"{OURS}/blob/main/", f"{OURS}/raw/", OURS.picture("")):
        if link.startswith(place):
            return (ROOT / link.removeprefix(place)).exists()
    return bool(re.match(r"https://[\w.]+", link)) or (ROOT / link).is_file()


@both_ways
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_readme(language, address):
    text = filled(READMES[language].read_text(encoding="utf-8"), address, language)
    links = LINK.findall(text)
    assert [link for link in links if not is_there(link)] == []
    assert ("git clone https://github.com/owner/tutorial\ncd tutorial\n" in text) == bool(address)
    folder = "" if language == ORIGINAL else f"{language}/"
    badges = {
        f"{OURS}/actions/workflows/test.yml",
        "https://mybinder.org/v2/gh/owner/tutorial/main"
        f"?urlpath=lab/tree/my-notebooks/{folder}index.ipynb",
        "https://colab.research.google.com/github/owner/tutorial/blob/main/"
        f"notebooks/{folder}index.ipynb",
        "https://codespaces.new/owner/tutorial",
    }
    assert {link for link in links if "owner/tutorial" in link} & badges == (
        badges if address else set()
    )
    if not address:
        assert "owner" not in text
        assert "badge" not in text.replace("badges", "")


@both_ways
def test_the_readme_of_the_wheel(address):
    stored = READMES[ORIGINAL].read_text(encoding="utf-8")
    text = for_pypi(stored, address)
    links = LINK.findall(text)
    assert [link for link in links if not link.startswith("https://") or not is_there(link)] == []
    assert ("git clone" in text) == (OURS.picture("docs/images/detach.svg") in links)
    assert ("git clone" in text) == (OURS.file("notebooks/index.ipynb") in links) == bool(address)
    assert set(FENCED.findall(filled(stored, None, ORIGINAL))) <= set(FENCED.findall(text))
    if not address:
        # Its words stay, and what is said of the picture.
        assert "| Contents | what to read" in text
        assert "\nComputational graph: x is squared" in text
        assert "繁體中文" not in text


# In a copy of the project, which is set to have an address, or none


@pytest.fixture(scope="module", params=[OURS, None], ids=["with", "without"])
def project(request, tmp_path_factory):
    """A copy in which `make address` was run and the site was built, and its address."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("docs", "notebooks", "tools"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("build"))
    for file in ("pyproject.toml", "CITATION.cff", *(path.name for path in READMES.values())):
        shutil.copy(ROOT / file, copy)
    run(copy, "set_address.py", str(request.param or ""))
    run(copy, "-c", BUILD)
    return copy, request.param


def run(copy, *command):
    """Run Python among its tools, where nobody else says an address."""
    # Only the helpers are the ones here.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in GITHUB:
        environment.pop(name, None)
    subprocess.run([sys.executable, *command], cwd=copy / "tools", env=environment, check=True)


# The pages of both languages, without the slides.
BUILD = """
from build_site import LANGUAGES, start_building
for build in [start_building(language) for language in LANGUAGES]:
    assert build.wait() == 0
"""


def stored_in(root):
    """The files that `make address` makes anew."""
    names = ["pyproject.toml", "CITATION.cff", *(path.name for path in READMES.values())]
    return {name: (root / name).read_bytes() for name in names}


def test_what_is_stored_is_what_is_made_of_the_setting(project):
    copy, address = project
    assert setting(copy) == address
    citation = (copy / "CITATION.cff").read_text(encoding="utf-8")
    assert (f"repository-code: {OURS}\n" in citation) == bool(address)
    assert ("repository-code" in citation) == bool(address)
    # And back again: nothing of it is left.
    run(copy, "set_address.py", str(setting(ROOT) or ""))
    assert stored_in(copy) == stored_in(ROOT)


def hrefs(path):
    return re.findall(r'href="([^"]*)"', path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_site(project, language):
    copy, address = project
    pages = sorted((copy / "docs" / "build" / language / "html").glob("*.html"))
    assert len(pages) > 12
    for path in pages:
        links = hrefs(path)
        title = f"{language}%2F{path.stem}%3A+"
        there = [link for link in links if "owner" in link]
        opened = []
        folder = "" if language == ORIGINAL else f"{language}/"
        if (LANGUAGES[language] / f"{path.stem}.ipynb").exists():
            notebook = f"{folder}{path.stem}.ipynb"
            opened = [
                "https://mybinder.org/v2/gh/owner/tutorial/main"
                f"?urlpath=lab/tree/my-notebooks/{notebook}",
                f"https://colab.research.google.com/github/owner/tutorial/blob/main/notebooks/{notebook}",
                "https://codespaces.new/owner/tutorial",
            ]
        expected = [*opened, f"{OURS}/issues/new?title={title}"]
        assert there == (expected if address else []), path.name
        # Those within the pages of a language.
        files = [
            unquote(urlsplit(link).path) for link in links if not re.match(r"https?:|[.][.]/", link)
        ]
        assert [file for file in files if not (path.parent / file).exists()] == []
        assert "" not in links
        if path.stem == "run-it-yourself":
            text = re.sub("<[^>]*>", "", path.read_text(encoding="utf-8"))
            assert ("git clone" in text) == bool(address)
