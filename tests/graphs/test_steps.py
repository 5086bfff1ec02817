"""step_backward: what each step says, and what the player shows from which step on."""

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
import torch

from autodiff_helpers import step_backward


class Page(HTMLParser):
    """The elements of some HTML: all start tags with their attributes, and the data."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)


def html_of(steps):
    return steps._repr_mimebundle_()["text/html"]


def shown_from(steps):
    (root,) = (a for tag, a in Page(html_of(steps)).tags if a.get("class") == "autodiff-steps")
    return json.loads(root["data-shown-from"])


def svg_of(steps):
    (image,) = (a for tag, a in Page(html_of(steps)).tags if tag == "img")
    kind, _, svg = image["src"].partition(",")
    assert kind == "data:image/svg+xml"
    return unquote(svg)


def test_the_steps_follow_the_gradient_back(x):
    y = x * x
    z = 2 * y.sum()
    assert str(step_backward(z)).split("\n") == [
        "0. Start: the gradient at z is 1.",
        "1. × 2 (MulBackward0) gets 1. It passes on the gradient times the other factor: 1. × "
        "2. = 2. to Σ "
        "(SumBackward0).",
        "2. Σ (SumBackward0) gets 2. It passes on the gradient, to each element: "
        "[2., 2., 2., 2.] to y.",
        "3. × (MulBackward0) gets [2., 2., 2., 2.]. It passes on the gradient times the other "
        "factor: [0., 2., 4., 6.] to x, [0., 2., 4., 6.] to x.",
        "4. Done: the gradient of x is [0., 2., 4., 6.] + [0., 2., 4., 6.] = [0., 4., 8., 12.].",
    ]


def test_a_run_of_one_operation_is_one_step():
    a = torch.tensor(1.0, requires_grad=True)
    d = a * 2 * 2 * 2
    assert len(step_backward(d).steps) == 3
    assert "the other factor, 3 times in a row: 8. to a" in step_backward(d).steps[1]


def test_nothing_flows_through_a_cut(x):
    y = x * x
    u = y.detach()
    z = (u * x).sum()
    steps = step_backward(z).steps
    assert len(steps) == 4
    assert not any("y" in re.split(r"\W+", step) for step in steps)
    assert steps[-1] == "Done: the gradient of x is [0., 1., 4., 9.]."


def test_every_rule_says_what_its_operation_does(x):
    y = x + 1.5
    for result, words in [
        (y / 2, "divided by the divisor"),
        (y - x, "with a minus: [-1., -1., -1., -1.] to x"),
        (y**3, "times the exponent"),
        (y.exp(), "times its own result"),
        (y.mean(), "divided by the number of elements"),
        (y.logcumsumexp(0), "times its local derivative"),
    ]:
        assert words in step_backward(result).steps[1]


def test_what_has_two_results_or_no_numbers_has_its_rule_too():
    x, slope = torch.tensor([-2.0], requires_grad=True), torch.tensor([0.5])
    (gradient,) = torch.autograd.grad(
        torch.nn.functional.prelu(x, slope) ** 2, x, create_graph=True
    )
    assert "leaky relu′" in repr(step_backward(gradient))
    empty = torch.ones(0, requires_grad=True)
    assert "the other factor: [] to empty, [] to " in step_backward(empty.dot(empty + 1)).steps[1]


def leaf(*values):
    return torch.tensor(values if len(values) > 1 else values[0], requires_grad=True)


def rules_of(output):
    """What the steps say of each operation, without its name and what it gets."""
    return [step.partition("It passes on ")[2] for step in step_backward(output).steps[1:-1]]


def test_plain_numbers_are_multiplied_before_the_readers_eyes():
    a, b = leaf(-3.0), leaf(0.5)
    assert rules_of(a * b) == [
        "the gradient times the other factor: 1. × 0.5000 = 0.5000 to a, 1. × (-3.) = -3. to b."
    ]
    assert "1. ÷ 0.5000 = 2. to a; " in rules_of(a / b)[0]
    assert "the gradient as it is: 1. to a, 1. to b" in rules_of(a + b)[0]
    assert "3 times in a row: 8. to a" in rules_of(a * 2 * 2 * 2)[0]


def test_what_is_stretched_gets_a_sum():
    x, row = torch.ones(5, 4, requires_grad=True), leaf(1.0, 2.0, 3.0, 4.0)
    column, number = torch.ones(5, 1, requires_grad=True), leaf(2.0)
    deep = torch.ones(3, 1, 4, requires_grad=True)
    for other, words in [
        (row, "summed over the rows: [5., 5., 5., 5.] to row"),
        (column, "summed over the columns: "),
        (number, "summed over all elements: 20. to number"),
    ]:
        assert words in rules_of((x + other).sum())[1]
        assert "the gradient times the other factor, summed" in rules_of((x * other).sum())[1]
    assert "summed over dim 1: " in rules_of((deep + torch.ones(3, 5, 4)).sum())[1]
    weight, bias = torch.ones(4, 2, requires_grad=True), leaf(1.0, 2.0)
    (rule,) = rules_of(torch.addmm(bias, x, weight).sum())[1:]
    assert rule.startswith("the gradient as it is, summed over the rows: [5., 5.] to bias; ")


def test_complex_numbers_are_conjugated_and_a_real_one_gets_the_real_part():
    a, z = leaf(2.0), leaf(1 + 2j)
    (rule,) = rules_of(a * z)
    assert rule == (
        "the gradient times the other factor, all but the gradient conjugated, of this the real "
        "part: 1. to a; the gradient times the other factor, all but the gradient conjugated: "
        "2.+0.j complex64 to z."
    )
    assert "conjugated" not in rules_of(z + z)[0]


def test_of_an_operation_that_is_not_known_no_more_is_said():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    rows = torch.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    for output in (
        torch.linalg.matrix_exp(rows).sum(),
        torch.linalg.svdvals(rows).sum(),
        torch.cdist(rows, rows + 1, p=3).sum(),
        torch.fft.fft(x).abs().sum(),
    ):
        said = [step for step in step_backward(output).steps if "local derivative" in step]
        assert said
        assert all("the gradient times its local derivative: " in step for step in said)


def test_a_hook_that_changed_a_gradient_is_named():
    a = leaf(3.0)
    t = a * 2
    t.register_hook(lambda gradient: 10 * gradient)
    y = t * 5
    assert " gets 5., of which a hook makes 50. It passes on " in step_backward(y).steps[2]
    y = t * t
    y.grad_fn.register_hook(lambda passed, _: tuple(100 * each for each in passed))
    assert "what a hook makes of it: 600. to t, 600. to t" in rules_of(y)[0]
    b = leaf(3.0)
    b.register_hook(lambda gradient: -gradient)
    end = step_backward(b * b).steps[-1]
    assert end == "Done: the gradient of b is 3. + 3., of which a hook makes -6."
    chain = leaf(1.0)
    middle = chain * 2
    middle.register_hook(lambda gradient: 7 * gradient)
    assert len(step_backward((middle * 2) * 2, m=chain).steps) == 4


def test_rounding_in_a_sum_that_cancels_is_no_hook():
    x = leaf(1.0, 2.0, 3.0)
    steps = step_backward(torch.nn.functional.cosine_similarity(x, 2 * x, dim=0)).steps
    assert steps[-1].endswith("= [0., 0., 0.].")
    assert not any("hook" in step for step in steps)


def test_what_arrives_along_several_arrows_is_added_up_everywhere():
    t = leaf(3.0) * 2
    p = t * t + t
    assert "× 2 (MulBackward0) gets 1. + 6. + 6. = 13. It" in str(step_backward(p))
    many = torch.ones(2, 4, requires_grad=True)
    assert "the gradient of many is 2 gradients, in sum shape [2, 4]" in str(
        step_backward((many * many).sum())
    )


def test_a_function_that_must_not_run_twice_is_not_asked_again(x):
    ran = []

    def unpack(tensor):
        ran.append(tensor)
        return tensor

    a, b = leaf(2.0), leaf(3.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, unpack):
        y = a * b
    assert rules_of(y) == ["the gradient times the other factor: 3. to a, 2. to b."]
    assert len(ran) == 2  # once, on the way back


def test_everything_named_by_the_steps_is_in_the_picture(x):
    y = x * x
    u = y.detach()
    z = (u * x + y).sum()
    steps = step_backward(z)
    svg = svg_of(steps)
    identifiers = set(re.findall(r'id="([a-z]+-\d+)"', svg))
    shown = shown_from(steps)
    assert set(shown) <= identifiers
    assert max(shown.values()) == len(steps.steps) - 2
    # What appears at the start is the gradient of the output, and nothing else.
    assert [name for name, step in shown.items() if step == 0] == ["gradient-0"]
    # The cut, and the arrow from the constant, are there all the time.
    words = [text.text for text in ElementTree.fromstring(svg).iter() if text.tag.endswith("text")]
    assert "✂ detach" in words
    assert sum(name.startswith("arrow") for name in shown) == svg.count('id="arrow-') - 2


def test_without_a_script_the_steps_and_the_picture_wait_to_be_asked_for(x):
    steps = step_backward(x.sum())
    page = Page(html_of(steps))
    tags = [tag for tag, _ in page.tags]
    # No buttons that would do nothing, and no answer before it is asked for.
    assert "button" not in tags
    assert tags[tags.index("details") :][:3] == ["details", "summary", "ol"]
    assert not any("open" in a for tag, a in page.tags if tag == "details")
    assert [word for word in page.words if word in steps.steps] == steps.steps
    # What is not trusted loses its <svg>, but keeps the words in it.
    assert "svg" not in tags
    (image,) = (a for tag, a in page.tags if tag == "img")
    assert image["alt"].startswith("The backward pass, step by step. Computational graph of")


def test_the_picture_in_the_address_is_whole(x):
    hundred = x * 100 % 7
    assert 'fill="#dbeafe"' in svg_of(step_backward(hundred, **{"100%23 #\"<&'": x}))
    assert "100%23 #" in svg_of(step_backward(hundred, **{"100%23 #\"<&'": x}))


def test_no_end_of_an_element_is_seen_in_the_address(x):
    # DOMPurify, which cleans what is not trusted, drops an attribute with </style> or </title>.
    (image,) = (a for tag, a in Page(html_of(step_backward(x * 2))).tags if tag == "img")
    assert "<" not in image["src"]


def test_the_caller_of_many_steps_is_told_how_many():
    y = torch.tensor(1.0, requires_grad=True)
    for _ in range(260):
        y = (y * 2).sin()
    with pytest.warns(UserWarning, match="step_backward has 522 steps to show; for fewer"):
        step_backward(y)


def test_a_page_needs_nothing_from_elsewhere_and_is_always_the_same(x):
    y = (x * x).sum()
    html = html_of(step_backward(y))
    assert html == html_of(step_backward(y))
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert not re.search(r"@import|fetch\(|url\(http", html)
    assert len(html) < 40_000


def test_names_from_the_user_stay_words():
    evil = "</script><script>alert(1)//"
    x = torch.tensor(1.0, requires_grad=True)
    html = html_of(step_backward(x * 2, **{evil: x}))
    assert html.count("<script>") == 1
    assert evil in step_backward(x * 2, **{evil: x}).steps[-1]


def test_nothing_is_changed(x):
    z = (x * x).sum()
    step_backward(z)
    assert x.grad is None
    z.backward()
    assert x.grad.tolist() == [0, 2, 4, 6]
    with pytest.raises(ValueError, match="has freed this graph"):
        step_backward(z)


def test_bad_input_gets_one_clear_sentence(x):
    with pytest.raises(TypeError, match="step_backward got a float; expected a tensor"):
        step_backward(3.0)
    with pytest.raises(ValueError, match="step_backward got a tensor for which autograd recorded"):
        step_backward(x.detach())
    with pytest.raises(TypeError, match="step_backward got x=1, a int; a keyword gives a tensor"):
        step_backward(x.sum(), x=1)
