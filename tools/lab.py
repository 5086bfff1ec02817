"""Open the contents of the reader's own copy of the notebooks in JupyterLab."""

import os

import my_notebooks
from jupyterlab.labapp import LabApp

if __name__ == "__main__":
    my_notebooks.main()
    os.chdir(my_notebooks.ROOT)
    # As root, as in a container, JupyterLab does not start without being allowed to.
    page = f"lab/tree/{my_notebooks.MINE}/index.ipynb"
    LabApp.launch_instance(["--allow-root", f"--LabApp.default_url={page}"])
