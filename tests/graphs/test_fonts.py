"""Chinese in PNG and PDF: with a font that knows it, or with one clear warning."""

import warnings

import pytest
import torch
from matplotlib.figure import Figure

from autodiff_helpers import fonts, plot_graph
from autodiff_helpers.picture import Picture

# matplotlib brings it, and it knows a wide character that the usual font does not.
INSTALLED, KNOWN_TO_IT = "STIXGeneral", "〒"

each_kind = pytest.mark.parametrize("kind", ["png", "pdf"])


@pytest.fixture
def plot():
    x = torch.tensor(2.0, requires_grad=True)
    return plot_graph(x * 2, 梯度=x)


@each_kind
def test_the_first_font_that_is_installed_is_taken(kind, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(fonts, "CHINESE", ("No Such Font", INSTALLED, "DejaVu Serif"))
    plot = Picture(Figure(), text="", title="")
    name = plot.figure.text(0.5, 0.5, KNOWN_TO_IT)
    usual, save, while_saving = name.get_fontfamily(), plot.figure.savefig, []

    def noting(*arguments, **options):
        while_saving.append(name.get_fontfamily())
        save(*arguments, **options)

    monkeypatch.setattr(plot.figure, "savefig", noting)
    for stem in ("one", "other"):
        plot.save(tmp_path / f"{stem}.{kind}")
    assert while_saving == [[*usual, INSTALLED]] * 2
    assert name.get_fontfamily() == usual
    one, other = ((tmp_path / f"{stem}.{kind}").read_bytes() for stem in ("one", "other"))
    assert one == other
    assert caplog.records == []


@each_kind
def test_without_a_font_one_warning_names_the_remedy(plot, kind, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(fonts, "CHINESE", ())
    with pytest.warns(UserWarning, match="no font here") as warned:
        plot.save(tmp_path / f"picture.{kind}")
    (warning,) = warned
    assert str(warning.message).startswith("no font here has 度梯, so empty boxes stand in their")
    assert "save the picture as .svg, or install a font such as" in str(warning.message)
    assert warning.filename == __file__
    assert caplog.records == []


def test_an_svg_needs_no_font(plot, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "CHINESE", ())
    figure = Figure()
    figure.text(0.5, 0.5, "梯度")
    for picture in (plot, Picture(figure, text="", title="")):
        picture.save(tmp_path / "picture.svg")
        assert "梯度" in (tmp_path / "picture.svg").read_text("utf-8")


def test_what_else_matplotlib_says_is_not_kept_back(tmp_path):
    class Complaining(Figure):
        def savefig(self, *arguments, **options):
            warnings.warn("the ink is low", RuntimeWarning, stacklevel=1)
            super().savefig(*arguments, **options)

    for kind in ("svg", "png"):
        with pytest.warns(RuntimeWarning, match="the ink is low"):
            Picture(Complaining(), text="", title="").save(tmp_path / f"picture.{kind}")
