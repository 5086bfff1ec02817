"""Change the code in many small ways, one at a time, and see whether a test notices each.

What no test notices is written down in tests/surviving_mutants.toml, with the reason. This fails
when a change that nothing notices is not on the list, or when too many are.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "mutants"
LIST = ROOT / "tests" / "surviving_mutants.toml"
LEAST_KILLED = 0.9
# A change that makes a test run forever, or the interpreter crash, is noticed as well.
NOTICED = {"killed", "timeout", "segfault"}


def make_and_test() -> None:
    """Let mutmut make all mutants and run the tests on each, in processes of one thread."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    mutmut = Path(sys.executable).with_name("mutmut")
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    # What it prints is drawn over and over again, which only a terminal can show.
    shown = None if sys.stdout.isatty() else subprocess.DEVNULL
    environment = os.environ | one_thread
    subprocess.run([mutmut, "run"], cwd=ROOT, check=True, env=environment, stdout=shown)


def outcomes() -> dict[str, Counter[str]]:
    """How many mutants of each file were killed, survived, and so on."""
    return {file: Counter(found.values()) for file, found in _found().items()}


def survivors() -> set[str]:
    """What was changed without any test noticing."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    return {
        _described(mutant, get_diff_for_mutant(mutant, path=file))
        for file, found in _found().items()
        for mutant, outcome in found.items()
        if outcome not in NOTICED
    }


def listed() -> set[str]:
    """The survivors that are written down."""
    groups = tomllib.loads(LIST.read_text(encoding="utf-8"))["survivors"]
    return {change for group in groups for change in group["changes"]}


def _found() -> dict[str, dict[str, str]]:
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files

    found = {}
    for file in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=file)
        data.load()
        found[str(file)] = {
            mutant: status_by_exit_code[code] for mutant, code in data.exit_code_by_key.items()
        }
    return found


def _described(mutant: str, diff: str) -> str:
    """A mutant in words: the function, the line as it is, and as it was made."""
    _, module, name = mutant.split(".")
    function = name.partition("__mutmut_")[0].replace("ǁ", ".").removeprefix("x")
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    was, made = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return f"{module}.{function[1:]}: {was} → {made or 'nothing'}"


def main() -> int:
    """Make and test all mutants, print what became of them, and compare with the list."""
    os.chdir(ROOT)
    make_and_test()
    print()
    every = Counter[str]()
    for file, counts in outcomes().items():
        print(f"{file}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common()))
        every += counts
    noticed = sum(every[outcome] for outcome in NOTICED)
    share = noticed / every.total()
    print(f"{noticed} of {every.total()} mutants were noticed: {share:.1%}.")
    found, known = survivors(), listed()
    for change in sorted(found - known):
        print(f"No test notices it, and {LIST.name} does not say why:\n  {change}")
    for change in sorted(known - found):
        print(f"A test notices it, or it is no more; strike it out in {LIST.name}:\n  {change}")
    return int(share < LEAST_KILLED or bool(found - known))


if __name__ == "__main__":
    sys.exit(main())
