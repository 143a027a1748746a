"""What was learned without labels starts a classifier."""

from __future__ import annotations

import numpy as np

import studio


def test_an_encoder_that_found_hidden_words_reads_reviews_for_a_classifier() -> None:
    teacher = studio.new("masked-words")
    teacher.document = teacher.document.with_graph(teacher.document.graph.set_parameters("n1", samples=300))
    teacher.train(epochs=1)
    reader = teacher.brick(["Words", "Places", "Encoder"], "Reads reviews")
    project = studio.new("text-classifier")
    graph = project.document.graph.set_parameters("n1", samples=300)
    graph = graph.remove([n.id for n in graph.nodes if n.name in ("Words", "Places", "Encoder")])
    project.document = project.document.with_graph(graph.connect("n1", 0, "n5", 0))
    project.add_brick(reader, between=("Reviews", "Average"), frozen=True)
    graph = project.document.graph
    encoder = graph.named("Encoder")
    assert encoder is not None
    project.document = project.document.with_graph(graph.connect("n1", 0, encoder.id, 1))
    assert not project.infer().errors
    assert teacher.state is not None
    result = project.train(epochs=1)
    assert project.state is not None
    assert result.evaluations["test"].accuracy is not None
    # Frozen, the reader still holds what it learned about hidden words.
    learned = {(teacher.document.graph.node(n).name, w): v for (n, w), v in teacher.state.weights.items()}
    kept = {(project.document.graph.node(n).name, w): v for (n, w), v in project.state.weights.items()}
    shared = [key for key in kept if key in learned]
    assert len(shared) > 10
    for key in shared:
        np.testing.assert_array_equal(kept[key], learned[key])
