"""The helpers speak the language that was chosen, and no catalogue has anything left to do."""

import os
import subprocess
import sys

import pytest

from autodiff_helpers import set_language
from autodiff_helpers.words import all_of, any_of, languages, say


def test_a_language_is_chosen_and_left():
    set_language("zh-TW")
    assert say("Right.") == "正確。"
    set_language("en")
    assert say("Right.") == "Right."


@pytest.mark.parametrize("language", ["zh", "zh_TW", "English", "", None, ["en"]])
def test_an_unknown_one_is_refused_and_changes_nothing(language):
    set_language("zh-TW")
    with pytest.raises(ValueError, match=r"'en'.*'zh-TW'"):
        set_language(language)
    assert say("Right.") == "正確。"


def test_it_is_english_whatever_the_machine_speaks():
    code = "from autodiff_helpers.words import say; print(say('Right.'))"
    speaking = dict.fromkeys(("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES"), "zh_TW.UTF-8")
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | speaking, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"Right."]


def test_names_stand_in_a_row():
    assert [all_of(list(names)) for names in ("x", "xy", "xyz")] == ["x", "x and y", "x, y and z"]
    assert any_of(languages()) == "en or zh-TW"
