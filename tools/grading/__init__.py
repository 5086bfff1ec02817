"""Grade what students hand in: the parts of ``tools/grade.py``."""
