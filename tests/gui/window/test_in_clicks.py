"""Problems of a file are said in clicks in the window, in words to write on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio import data
from studio.gui.in_clicks import in_clicks
from studio.layers.data import Data

MANY = "\n".join(f"{i},{i % 7},{i % 5},customer number {i} of all,{i % 2}" for i in range(200))
FILES = {
    "blank cells": ("a,b,t\n1,,x\n2,3,y\n4,5,x\n", "csv:{}?target=t", "choose what to do with blank cells"),
    "a blank answer": ("a,b,t\n1,2,\n2,3,y\n4,5,x\n", "csv:{}?target=t", "choose what to do with blank cells"),
    "blank sentences": ("s,t\none,x\n,y\ntwo,x\n", "csv:{}?target=t&text=s", "choose what to do with blank cells"),
    "too many names": (f"n,m,k,name,t\n{MANY}\n", "csv:{}?target=t", "tick them under Leave out"),
    "too short a series": ("a\n1\n2\n3\n4\n", "csv:{}?series=a&steps=16", "choose fewer lines to look at"),
    "too short a text": ("abc", "text:{}", "take fewer of them for a sample"),
}


@pytest.mark.parametrize("name", list(FILES))
def test_what_the_window_says_can_be_clicked(name: str, tmp_path: Path) -> None:
    text, source, clicks = FILES[name]
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(data.DataError) as raised:
        data.describe(Data(source=source.format(file)))
    sentence = str(raised.value)
    assert "=" in sentence  # what the command line says
    said = in_clicks(sentence)
    assert "=" not in said
    assert f"click How… beside the source in the inspector and {clicks}" in said
    assert said.endswith(".")
    # What is wrong stays as it was.
    assert said.partition(":")[0] == sentence.partition(":")[0]


def test_other_sentences_stay_as_they_are() -> None:
    sentence = "Line 3 of mine.csv has 'x' for 'age', where other lines have a number: correct it."
    assert in_clicks(sentence) == sentence


def test_the_node_says_what_to_click_and_the_click_mends_it(make_studio, hands, qtbot, tmp_path: Path) -> None:
    window = make_studio("iris")
    me, session = hands(window), window.session
    file = tmp_path / "mine.csv"
    file.write_text("a,b,t\n" + "".join(f"{i},{'' if i == 3 else i % 5},{'xyz'[i % 3]}\n" for i in range(60)))
    node = next(n.id for n in session.document.graph.nodes if isinstance(n.layer, Data))
    made = Data(source=f"csv:{file}?target=t")
    session.edit(session.document.with_graph(session.document.graph.set_layer(node, made)), "file")
    qtbot.waitUntil(lambda: any("click How…" in p.message for p in session.inference.errors))
    me.click_node(node)
    editor = window.workspace.inspector.node.form.editors["source"]
    assert editor.how.text() == "How…"

    def leave_out(dialog) -> None:
        dialog.missing.setFocus()
        dialog.missing.setCurrentIndex(2)
        dialog.accept()

    me.when_asked(leave_out)
    me.click(editor.how)
    assert session.document.graph.node(node).layer.source.endswith("missing=skip")
    qtbot.waitUntil(lambda: not session.inference.errors)
