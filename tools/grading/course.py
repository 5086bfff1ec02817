"""The exercises as an nbgrader course: the students' versions, and what they earned."""

import os
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import nbformat
from in_step import STAMP
from languages import EXERCISES, LANGUAGES, ORIGINAL
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import ExchangeReleaseAssignment
from nbgrader.preprocessors import ClearHiddenTests, GetGrades, SaveAutoGrades
from traitlets.config import Config

from grading.words import words

TEMPLATES = Path(__file__).parent
# What nbgrader calls our course.
NAME = "autodiff"


def sources() -> dict[str, tuple[str, Path]]:
    """Every assignment by its name, which says its language: that, and the teacher's file."""
    return {
        path.stem if language == ORIGINAL else f"{path.stem}.{language}": (language, path)
        for language in LANGUAGES
        for path in sorted(EXERCISES[language].glob("*.ipynb"))
    }


class Course:
    """A folder in which nbgrader makes and grades assignments."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # nbgrader starts a program of its environment, alembic, by its name.
        programs = sysconfig.get_path("scripts")
        if programs not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])

    def _run(self, step: type, config: Config, **which: str) -> None:
        folder = CourseDirectory(root=str(self.root), course_id=NAME, **which)
        with warnings.catch_warnings():
            # SQLAlchemy warns of how nbgrader uses it, which is no business of a teacher's.
            warnings.simplefilter("ignore")
            step(coursedir=folder, config=config).start()

    def gradebook(self) -> Gradebook:
        """What nbgrader knows of assignments, students and points."""
        return Gradebook(f"sqlite:///{self.root / 'gradebook.db'}", NAME)

    def release(self, name: str) -> NotebookNode:
        """Make the students' version of an assignment."""
        language, path = sources()[name]
        source = self.root / "source" / name / f"{name}.ipynb"
        source.parent.mkdir(parents=True)
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop(STAMP, None)
        nbformat.write(notebook, source)
        stub = {"python": words(language)["stub"]}
        self._run(
            GenerateAssignment, Config(ClearSolutions={"code_stub": stub}), assignment_id=name
        )
        return nbformat.read(self.root / "release" / name / f"{name}.ipynb", as_version=4)

    def hand_out(self, name: str, exchange: Path) -> None:
        """Put the students' version where they fetch it; what was there before goes."""
        config = Config(Exchange={"root": str(exchange)}, ExchangeReleaseAssignment={"force": True})
        self._run(ExchangeReleaseAssignment, config, assignment_id=name)

    def with_our_cells(self, name: str, handed_in: NotebookNode) -> NotebookNode:
        """What a student handed in, with our texts and tests as they were before."""
        database = f"sqlite:///{self.root / 'gradebook.db'}"
        resources = ResourcesDict(
            nbgrader={"assignment": name, "notebook": name, "student": ".", "db_url": database}
        )
        for preprocessor in Autograde.sanitize_preprocessors.default_args[0]:
            config = Config(OverwriteCells={"add_missing_cells": True})
            handed_in, resources = preprocessor(config=config).preprocess(handed_in, resources)
        # The cells that nbgrader puts back are no whole cells yet.
        whole = nbformat.from_dict(handed_in)
        for number, cell in enumerate(whole.cells):
            cell.setdefault("id", f"cell-{number}")
        return whole

    def grade(self, name: str, student: str, notebook: NotebookNode) -> dict[str, float]:
        """Write down what each exercise earned, by the outputs of the cells that test it."""
        target = self.root / "submitted" / student / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
        steps: dict[str, Any] = {
            "sanitize_preprocessors": [],
            "autograde_preprocessors": [SaveAutoGrades],
        }
        which = {"assignment_id": name, "student_id": student}
        self._run(Autograde, Config(Autograde=steps), **which)
        with self.gradebook() as book:
            graded = book.find_submission_notebook(name, name, student)
            return {grade.name: grade.score for grade in graded.grades if grade.max_score}

    def feedback(self, name: str) -> None:
        """Make a page for each student: his answers, what they earned, and hints."""
        exporter = {"extra_template_basedirs": [str(TEMPLATES)], "exclude_anchor_links": True}
        steps = {"preprocessors": [GetGrades, ClearHiddenTests]}
        config = Config(GenerateFeedback=steps, HTMLExporter=exporter)
        self._run(GenerateFeedback, config, assignment_id=name)
