"""A column that says how much each sample counts."""

from __future__ import annotations

import numpy as np
import pytest
from data_files import csv_node

from studio.core.graph import Edge, Graph
from studio.core.inference import infer
from studio.data import DataError, describe, describe_all, load
from studio.data.wiring import with_source
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.losses.mean_squared_error import MeanSquaredError

TABLE = "x,z,y,w\n" + "".join(f"{i},{i % 3},{i * 2.5},{i % 4 + 0.5}\n" for i in range(40))


def test_weights_are_no_feature_and_stay_with_their_samples(tmp_path):
    layer = csv_node(tmp_path, TABLE, "?target=y&weight=w", standardize=False, validation=0.25)
    assert layer.outputs == ("X", "Y", "weights")
    info = describe(layer)
    assert (info.features, info.weighted, info.ports) == (("x", "z"), True, 3)
    assert info.notes == ("The column w says how much each sample counts.",)
    data = load(layer)
    for part in (data.train, data.validation, data.test):
        assert part.weights.dtype == np.float32
        assert part.weights.tolist() == [x % 4 + 0.5 for x in part.x[:, 0]]
    assert len(data.validation) == 10
    assert len(data.train.arrays) == 3
    taken = data.train.take(slice(3))
    assert (taken.weights == data.train.weights[:3]).all()


def test_without_them_data_has_two_outputs(tmp_path):
    layer = csv_node(tmp_path, TABLE, "?target=y")
    assert layer.outputs == ("X", "Y")
    assert not describe(layer).weighted
    assert load(layer).train.weights is None


@pytest.mark.parametrize("query", ["?target=y&text=t&weight=w", "?series=x&target=y&weight=w&steps=3"])
def test_texts_and_series_may_have_weights_too(tmp_path, query):
    content = "t,x,y,w\n" + "".join(f"this is number {i},{i},{i * 2.5},{i % 4 + 0.5}\n" for i in range(20))
    layer = csv_node(tmp_path, content, query, standardize=False, validation=0.0, test=0.0)
    train = load(layer).train
    assert len(train.weights) == len(train.x)
    assert train.weights.tolist() == [round(y / 2.5) % 4 + 0.5 for y in train.y[:, 0]]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("-1", "The weight 'w' of table.csv is below 0 in some lines: a sample counts 0 or more"),
        ("much", "Line 3 of table.csv has 'much' for the weight 'w', which is not a number"),
        ("", "Line 3 of table.csv has no value for the weight 'w': fill it in"),
    ],
)
def test_what_cannot_be_a_weight_is_one_sentence(tmp_path, cell, sentence):
    rows = TABLE.splitlines()
    rows[2] = rows[2].rpartition(",")[0] + f",{cell}"
    with pytest.raises(DataError, match=sentence):
        load(csv_node(tmp_path, "\n".join(rows), "?target=y&weight=w"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?target=y&weight=v", "has no column 'v' for the weight"),
        ("?target=y&weight=y", "The column 'y' cannot be the target and the weight"),
        ("?target=y&weight=w&drop=w", "The weight 'w' is among the columns to drop"),
        ("?target=y&%77eight=w", "The option weight is not written plainly"),
    ],
)
def test_a_column_that_cannot_be_it_is_one_sentence(tmp_path, query, sentence):
    with pytest.raises(DataError, match=sentence):
        describe(csv_node(tmp_path, TABLE, query))


def test_a_source_with_weights_is_wired_to_the_loss_and_one_without_takes_the_wire_away(tmp_path):
    graph, data = Graph().add(Data(source="iris"))
    graph, dense = graph.add(Dense(units=1))
    graph, loss = graph.add(MeanSquaredError())
    for wire in ((data, 0, dense, 0), (dense, 0, loss, 0), (data, 1, loss, 1)):
        graph = graph.connect(*wire)
    source = csv_node(tmp_path, TABLE, "?target=y&weight=w").source
    weighted = with_source(graph, data, source)
    assert Edge(data, 2, loss, 2) in weighted.edges
    inference = infer(weighted, describe_all(weighted))
    assert inference.problems == ()
    assert inference.shapes[data] == ((2,), (1,), ())
    again = with_source(weighted, data, source.replace("&weight=w", "&drop=w"))
    assert len(again.edges) == 3
    assert infer(again, describe_all(again)).problems == ()
    loose = graph.set_parameters(data, source=source)
    (hint,) = infer(loose, describe_all(loose)).problems
    assert hint.severity == "hint"
    assert "drag a wire from its weights to the Loss" in hint.message
