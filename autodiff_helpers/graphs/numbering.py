"""Numbers for what would have one name: tensors without a name, operations that are pointed to."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from autodiff_helpers.graphs.graph import Graph


def numbered(graph: Graph, pointed_to: Iterable[int] | None = None) -> Graph:
    """The graph with a number at each of several tensors without a name, and of some operations.

    These are the ones that are used more than once, unless others are given.
    """
    if pointed_to is None:
        uses = Counter(source for node in graph.nodes for source in node.inputs)
        pointed_to = [place for place, count in uses.items() if count > 1]
    operations = {place for place in pointed_to if graph.nodes[place].kind == "operation"}
    alike = defaultdict[tuple[str, ...], list[int]](list)
    for place, node in enumerate(graph.nodes):
        if node.kind == "operation":
            alike[node.label, str(node.times)].append(place)
        elif not node.label:
            alike[(node.kind,)].append(place)
    nodes = list(graph.nodes)
    for places in alike.values():
        told_apart = [place for place in places if nodes[place].kind != "operation"]
        told_apart += [place for place in places if place in operations]
        if len(places) > 1:
            for number, place in enumerate(told_apart, start=1):
                nodes[place] = replace(nodes[place], number=number)
    return replace(graph, nodes=tuple(nodes))
