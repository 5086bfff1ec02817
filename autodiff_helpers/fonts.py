"""A font for Chinese in pictures that bring their own letters: PNG and PDF."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import east_asian_width

from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

# What systems bring, or readers install; traditional characters first, then simplified ones, then
# Japanese ones. The first that is there is taken.
CHINESE = (
    "Noto Sans CJK TC",
    "Noto Sans TC",
    "Source Han Sans TC",
    "PingFang TC",
    "PingFang HK",
    "Heiti TC",
    "Microsoft JhengHei",
    "LXGW WenKai TC",
    "AR PL UMing TW",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Arial Unicode MS",
    "Noto Sans CJK JP",
    "Hiragino Sans",
    "Yu Gothic",
)


@contextmanager
def with_chinese(figure: Figure) -> Iterator[None]:
    """While this lasts, what is Chinese in a figure has a font that knows it, if there is one."""
    installed = set(fontManager.get_font_names())
    fonts = [font for font in CHINESE if font in installed][:1]
    usual = {
        text: text.get_fontfamily()
        for text in figure.findobj(Text)
        if any(east_asian_width(character) in "WF" for character in text.get_text())
    }
    for text, families in usual.items():
        text.set_fontfamily([*families, *fonts])
    # Many Chinese fonts come in one weight: matplotlib takes that for bold as well, and logs it.
    log = logging.getLogger("matplotlib.font_manager")
    was_disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = was_disabled
        for text, families in usual.items():
            text.set_fontfamily(families)
