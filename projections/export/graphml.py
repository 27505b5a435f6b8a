"""This file holds lineage as GraphML, which yEd, Gephi, Cytoscape and networkx read."""

import networkx

from projections.export.drawing import Trace, about, bags_of, edges_of


def graphml(trace: Trace) -> str:
    """The lineage of a trace in GraphML: a node a bag, an edge a process, their cells as named attributes.

    Source: graphml.graphdrawing.org, 1.0.
    """
    graph = networkx.MultiDiGraph(**about(trace))
    graph.add_nodes_from((bag["bag"], bag) for bag in bags_of(trace))
    for number, edge in enumerate(edges_of(trace)):
        cells = {name: edge[name] for name in ("process", "position", "cycle")}
        graph.add_edge(edge["parent"], edge["child"], key=number, **cells)
    lines = networkx.generate_graphml(graph, named_key_ids=True)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(lines) + "\n"
