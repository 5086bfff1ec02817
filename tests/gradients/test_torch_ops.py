"""Over torch's own table of operations, check_gradient and gradcheck come to the same verdict."""

import itertools
import warnings

import pytest
import torch
from torch.autograd import gradcheck
from torch.utils._pytree import tree_flatten, tree_unflatten

from autodiff_helpers import check_gradient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

pytestmark = pytest.mark.filterwarnings("ignore")

SAMPLES = 4
# Larger samples of the same operation show nothing new and take long.
MOST_INPUTS = 300

COARSE = "gradcheck cannot judge values of so few digits; ours judges them by those they have"
# What gradcheck says, what ours says, and why they are right to differ.
DIFFERENT = {
    "bfloat16": (False, True, COARSE),
    "half": (False, True, COARSE),
    "float": (False, True, COARSE),
    "chalf": (False, True, COARSE),
    "cfloat": (False, True, COARSE),
    "cov": (
        False,
        True,
        "the weights of one sample are normalised from the very tensors that gradcheck moves in "
        "place, so it compares with another function; central differences on copies agree",
    ),
    "torch_ops_aten__safe_softmax_default": (
        True,
        "refused",
        "its samples contain -inf, and nothing can be compared around it: refused in one sentence",
    ),
}

DIFFERENTIABLE = [
    op
    for op in op_db
    if op.supports_autograd and torch.float64 in op.supported_backward_dtypes("cpu")
]
OTHERS = [
    op
    for op in op_db
    if op not in DIFFERENTIABLE
    and torch.float64 in op.supported_dtypes("cpu")
    and not op.formatted_name.startswith("jiterator")  # on a GPU only
]


def name_of(op):
    return op.formatted_name


def cases(op, requires_grad):
    """Functions of the tensors of some samples that can be differentiated, and these tensors."""
    torch.manual_seed(0)
    found = 0
    for sample in itertools.islice(op.sample_inputs("cpu", torch.float64, requires_grad), 40):
        arguments, form = tree_flatten((sample.input, sample.args, sample.kwargs))
        places = [
            place
            for place, x in enumerate(arguments)
            if isinstance(x, torch.Tensor)
            and (x.requires_grad if requires_grad else x.is_floating_point())
        ]
        if not places or sum(arguments[place].numel() for place in places) > MOST_INPUTS:
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

        yield f, [arguments[place].detach().clone().requires_grad_() for place in places]
        found += 1
        if found == SAMPLES:
            return


def verdict(check, f, xs):
    try:
        return bool(check(f, xs))
    except Exception:
        return "refused"


def by_gradcheck(f, xs):
    def differentiable(*xs):
        output = f(*xs)
        if isinstance(output, tuple):
            return tuple(x for x in output if x.is_floating_point() or x.is_complex())
        return output

    # It raises both for what it cannot check and for what it finds wrong.
    return gradcheck(differentiable, xs, check_grad_dtypes=False, raise_exception=False)


def by_ours(f, xs):
    return check_gradient(f, *xs)


def test_the_table_is_the_one_we_know():
    assert len(DIFFERENTIABLE) == 540
    assert {name_of(op) for op in DIFFERENTIABLE} >= set(DIFFERENT)


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=name_of)
def test_both_come_to_the_same_verdict(op):
    verdicts = {
        (verdict(by_gradcheck, f, xs), verdict(by_ours, f, xs)) for f, xs in cases(op, True)
    }
    # To refuse is not to pass.
    alike = {(theirs, ours) for theirs, ours in verdicts if (theirs is True) == (ours is True)}
    different = verdicts - alike
    if name_of(op) in DIFFERENT:
        theirs, ours, reason = DIFFERENT[name_of(op)]
        assert different == {(theirs, ours)}, reason
    else:
        assert different == set()


@pytest.mark.parametrize(
    "f",
    [
        torch.rand_like,
        torch.randn_like,
        torch.bernoulli,
        lambda x: torch.normal(x, 1.0),
        torch.nn.functional.dropout,
        lambda x: torch.nn.functional.alpha_dropout(x, training=True),
        lambda x: torch.nn.functional.rrelu(-x, training=True),
        lambda x: torch.nn.functional.gumbel_softmax(x),
        lambda x: torch.multinomial(x, 2).double() * x.sum(),
    ],
)
def test_a_random_operation_is_called_random(f):
    # In the table itself such operations come with a fixed seed.
    x = torch.linspace(0.1, 0.9, 20, dtype=torch.float64, requires_grad=True)
    assert "random" in check_gradient(f, x).diagnosis


NAMED = (
    "because only real and complex numbers have derivatives",  # a dtype without derivatives
    "expected a tensor",  # a number or a truth value
    "not implemented",  # torch says so itself
    "does not require grad",
    "require grad",  # torch refuses to change its shape
    "changes its input",
    "random",
    "undefined",
    "cut off",
    "The gradient is right",  # a constant: its derivative is zero
)


@pytest.mark.parametrize("op", OTHERS, ids=name_of)
def test_an_operation_without_derivative_is_named_as_such(op):
    for f, xs in cases(op, False):
        try:
            words = check_gradient(f, *xs).diagnosis
        except Exception as error:
            words = str(error)
        assert any(each in words for each in NAMED), words
