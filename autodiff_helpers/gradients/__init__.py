"""Checking: the derivatives of a function by rule and by central differences, compared."""
