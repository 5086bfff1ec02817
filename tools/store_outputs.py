"""Run every notebook in a fresh kernel and store what it shows; given some, run those.

Running this twice changes nothing the second time. A notebook that fails is left as it was.
"""

import sys
from pathlib import Path

import nbformat
from compile_catalogues import compile_catalogues
from languages import LANGUAGES, ORIGINAL, ROOT, notebooks
from nbclient import NotebookClient

PICTURES = ROOT / "docs" / "images"

# The kernel's own description names the Python patch version, which differs between machines.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# A full traceback names folders of this machine; the minimal one is the message alone.
# The kernel's warning that it talks over plain TCP, to this machine only, would alarm for nothing.
KERNEL_OPTIONS = ["--InteractiveShell.xmode=Minimal", "--log-level=ERROR"]


def store_outputs(path: Path) -> None:
    """Run the notebook at ``path`` and write it back with its new outputs."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="python3",
        extra_arguments=KERNEL_OPTIONS,
        resources={"metadata": {"path": path.parent}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata = METADATA
    nbformat.write(notebook, path)


def store_readme_picture(language: str) -> None:
    """Write the picture of the contents as a file, because a README shows only files."""
    cells = nbformat.read(LANGUAGES[language] / "index.ipynb", as_version=4).cells
    (output,) = [output for cell in cells for output in cell.get("outputs", [])]
    name = "detach.svg" if language == ORIGINAL else f"detach.{language}.svg"
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = output.data["image/svg+xml"]
    (PICTURES / name).write_text(picture, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    compile_catalogues()
    for path in [Path(name).resolve() for name in sys.argv[1:]] or notebooks():
        print(path.relative_to(ROOT))
        store_outputs(path)
    for language in LANGUAGES:
        store_readme_picture(language)
