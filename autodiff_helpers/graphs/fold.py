"""One node for a run of the same operation, where each one only feeds the next."""

from collections import Counter
from dataclasses import replace

from autodiff_helpers.graphs.graph import Graph, Node

# Of two changes in place autograd does not tell whether they were the same.
_NOT_KNOWN = "CopySlices"


def folded(graph: Graph) -> Graph:
    """The graph with one node, and a count, for each run of one operation."""
    nodes = list(graph.nodes)
    uses = Counter(source for node in nodes for source in node.inputs)
    gone: set[int] = set()
    for place, node in enumerate(nodes):
        if place in gone or node.kind != "operation" or node.detail == _NOT_KNOWN:
            continue
        while len(node.inputs) == 1:
            source = node.inputs[0]
            earlier = nodes[source]
            if not _ran_before(earlier, node) or uses[source] > 1:
                break
            node = replace(
                node,
                inputs=earlier.inputs,
                passed=tuple(each._replace(product="") for each in earlier.passed),
                times=node.times + earlier.times,
            )
            gone.add(source)
        nodes[place] = node
    return _without(gone, nodes, graph) if gone else graph


def _ran_before(earlier: Node, node: Node) -> bool:
    # Each of them by the same rule, and without a hook in between.
    by = [{each.rule for each in ran.passed} for ran in (earlier, node)]
    ran = (earlier.kind, earlier.label, earlier.detail, earlier.gradient, earlier.tangent)
    again = (node.kind, node.label, node.detail, earlier.arrives, node.tangent)
    same = ran == again and by[0] == by[1]
    return same and len(earlier.inputs) == 1


def _without(gone: set[int], nodes: list[Node], graph: Graph) -> Graph:
    """The graph without some nodes, each of the others at its new place."""
    kept = [place for place in range(len(nodes)) if place not in gone]
    moved = {old: new for new, old in enumerate(kept)}
    return replace(
        graph,
        nodes=tuple(
            replace(
                nodes[place],
                inputs=tuple(moved[source] for source in nodes[place].inputs),
                cut_from=None if (cut := nodes[place].cut_from) is None else moved[cut],
            )
            for place in kept
        ),
        outputs=tuple(moved[place] for place in graph.outputs),
        order=tuple(moved[place] for place in graph.order if place in moved),
    )
