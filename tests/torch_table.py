"""Torch's own table of its operations, each with samples of what it can be given."""

import itertools
import random
import warnings

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

OPERATIONS = [op for op in op_db if torch.float64 in op.supported_dtypes("cpu")]
DIFFERENTIABLE = [
    op
    for op in OPERATIONS
    if op.supports_autograd and torch.float64 in op.supported_backward_dtypes("cpu")
]

# For each operation so many small samples, or else the smallest: others show nothing new.
SAMPLES = 4
FEW_INPUTS = 300


def name_of(op):
    return op.formatted_name


def samples(op, requires_grad):
    """The samples of an operation in float64, the same on every run.

    ``op.sample_inputs`` would look through the whole stack for a unittest, and take long.
    """
    for each in (torch.manual_seed, np.random.seed, random.seed):
        each(0)
    return op.sample_inputs_func(op, "cpu", torch.float64, requires_grad)


def cases(op, requires_grad):
    """Functions of the tensors of some samples that can be differentiated, and these tensors."""
    small, large = [], []
    for sample in itertools.islice(samples(op, requires_grad), 40):
        arguments, form = tree_flatten((sample.input, sample.args, sample.kwargs))
        places = [
            place
            for place, x in enumerate(arguments)
            if isinstance(x, torch.Tensor)
            and (x.requires_grad if requires_grad else x.is_floating_point())
        ]
        if not places:
            continue

        def f(*xs, sample=sample, arguments=arguments, form=form, places=places):
            given = list(arguments)
            for place, x in zip(places, xs, strict=True):
                given[place] = x
            first, others, options = tree_unflatten(given, form)
            output = op.gradcheck_wrapper(op.op, first, *others, **options)
            output = sample.output_process_fn_grad(output)
            if isinstance(output, tuple | list):
                return tuple(x for x in tree_flatten(output)[0] if isinstance(x, torch.Tensor))
            return output

        inputs = sum(arguments[place].numel() for place in places)
        xs = [arguments[place].detach().clone().requires_grad_() for place in places]
        if inputs > FEW_INPUTS:
            large.append((inputs, f, xs))
        else:
            small.append((f, xs))
            if len(small) == SAMPLES:
                break
    return small or [(f, xs) for _, f, xs in sorted(large, key=lambda case: case[0])[:1]]
