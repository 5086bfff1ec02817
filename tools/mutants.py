"""Change the code in many small ways, one at a time, and see whether a test notices each.

Give it the files to change; without any it takes those that decide whether an answer is right.
It prints what no test notices, file by file, and the share of what is noticed.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELPERS = ROOT / "autodiff_helpers"
SCRATCH = ROOT / "mutants"

# The tests of the subject of each decisive file. Those of another file are all of its wing.
TESTS = {
    "gradients/differences.py": ["test_differences.py"],
    "gradients/check.py": [
        "test_check.py",
        "test_hints.py",
        "test_input.py",
        "test_nothing_is_changed.py",
        "test_own_rules.py",
    ],
    "gradients/closer.py": [
        "test_check.py",
        "test_close_up.py",
        "test_hard_cases.py",
        "test_precision.py",
        "test_reasons.py",
        "test_sure_answers.py",
        "test_ties.py",
        "test_verdict.py",
    ],
    "gradients/verdict.py": [
        "test_sentences.py",
        "test_reasons.py",
        "test_check.py",
        "test_verdict.py",
    ],
    "graphs/operations.py": [
        "test_operations.py",
        "test_plot.py",
        "test_rules.py",
        "test_steps.py",
    ],
}
# Too slow to be run thousands of times.
SLOW = [
    "--ignore=tests/gradients/test_every_kind_of_function.py",
    "--ignore=tests/gradients/test_torch_ops.py",
    "--ignore=tests/graphs/test_every_graph.py",
    "--deselect=tests/graphs/test_plot.py::test_another_process_draws_the_same_bytes_and_loads_only_what_an_svg_needs",
    "--deselect=tests/gradients/test_hard_cases.py::test_a_wrong_gradient_is_found",
    "--deselect=tests/gradients/test_hard_cases.py::test_kinks_too_close_for_float32_are_no_alarm",
]
# A change that makes a test run forever, or the interpreter crash, is noticed as well.
NOTICED = {"killed", "timeout", "segfault"}


def tests_of(files: list[Path]) -> list[str]:
    """The tests whose subject these files are."""
    tests: set[str] = set()
    for file in files:
        name = file.relative_to(HELPERS).as_posix()
        wing = file.parent.relative_to(HELPERS).as_posix()
        tests |= {f"tests/{wing}/{each}" for each in TESTS.get(name, ["."])}
    return sorted(tests)


def prepare(files: list[Path]) -> None:
    """Copy the code and its tests to where mutmut may work, with settings that name the files."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for folder in ("autodiff_helpers", "tests", "tools"):
        shutil.copytree(ROOT / folder, SCRATCH / folder)
    settings = {
        "source_paths": ["autodiff_helpers"],
        "also_copy": ["tools"],
        "only_mutate": [file.relative_to(ROOT).as_posix() for file in files],
        "pytest_add_cli_args_test_selection": tests_of(files),
        "timeout_multiplier": ["2.0"],
        "timeout_constant": ["5.0"],
    }
    lines = ["[mutmut]"]
    for name, values in settings.items():
        lines.append(f"{name} =" + "".join(f"\n    {value}" for value in values))
    options = ["-p no:nbval -p no:xdist -p no:cacheprovider", *SLOW]
    lines += ["[tool:pytest]", "pythonpath = tools", f"addopts = {' '.join(options)}"]
    (SCRATCH / "setup.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_and_test() -> None:
    """Let mutmut make all mutants and run the tests on each, in processes of one thread."""
    mutmut = Path(sys.executable).with_name("mutmut")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # What it prints is drawn over and over again, which only a terminal can show.
    terminal = sys.stdout.isatty()
    done = subprocess.run(
        [mutmut, "run"], cwd=SCRATCH, env=environment, text=True, capture_output=not terminal
    )
    if done.returncode:
        raise SystemExit(f"mutmut failed:\n{done.stdout}\n{done.stderr}")


def outcomes() -> dict[str, dict[str, str]]:
    """For each file what became of each of its mutants."""
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files

    found = {}
    for file in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=file)
        data.load()
        found[file.as_posix()] = {
            mutant: status_by_exit_code[code] for mutant, code in data.exit_code_by_key.items()
        }
    return found


def in_words(file: str, mutant: str) -> str:
    """A mutant as the line that it was, and the line that was made of it."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    diff = get_diff_for_mutant(mutant, path=Path(file)).splitlines()
    changed = [line for line in diff if not line.startswith(("---", "+++"))]
    was, made = (
        " ".join(line[1:].strip() for line in changed if line.startswith(sign)) for sign in "-+"
    )
    function = mutant.rpartition(".")[2].partition("__mutmut_")[0]
    name = function.removeprefix("x").replace("ǁ", ".").removeprefix("_").removeprefix(".")
    return f"{name}: {was} → {made or 'nothing'}"


def main(names: list[str]) -> None:
    """Make and test all mutants of some files, and print what became of them."""
    prepare([Path(name).resolve() for name in names] or [HELPERS / name for name in TESTS])
    make_and_test()
    os.chdir(SCRATCH)
    every = Counter[str]()
    for file, found in outcomes().items():
        counts = Counter(found.values())
        every += counts
        for mutant, outcome in found.items():
            if outcome not in NOTICED:
                print(f"{outcome} in {in_words(file, mutant)}")
        if counts:
            print(f"{file}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))
    noticed = sum(every[outcome] for outcome in NOTICED)
    print(f"{noticed} of {every.total()} mutants were noticed: {noticed / every.total():.1%}.")


if __name__ == "__main__":
    main(sys.argv[1:])
