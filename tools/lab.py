"""Open the contents of the reader's own copy of the notebooks in JupyterLab.

In English, or in the language that is named: ``python tools/lab.py zh-TW``.
"""

import os
import sys

import my_notebooks
from jupyterlab.labapp import LabApp

if __name__ == "__main__":
    page = my_notebooks.first_page(*sys.argv[1:])
    my_notebooks.main()
    os.chdir(my_notebooks.ROOT)
    # As root, as in a container, JupyterLab does not start without being allowed to.
    LabApp.launch_instance(["--allow-root", f"--LabApp.default_url=lab/tree/{page}"])
