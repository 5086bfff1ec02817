"""Torch's own table of its operations, each with samples of what it can be given."""

import random
import warnings

import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

OPERATIONS = [op for op in op_db if torch.float64 in op.supported_dtypes("cpu")]
DIFFERENTIABLE = [
    op
    for op in OPERATIONS
    if op.supports_autograd and torch.float64 in op.supported_backward_dtypes("cpu")
]


def name_of(op):
    return op.formatted_name


def samples(op, requires_grad):
    """The samples of an operation in float64, the same on every run.

    ``op.sample_inputs`` would look through the whole stack for a unittest, and take long.
    """
    for each in (torch.manual_seed, np.random.seed, random.seed):
        each(0)
    return op.sample_inputs_func(op, "cpu", torch.float64, requires_grad)
