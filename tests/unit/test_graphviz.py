"""Graphs as Graphviz reads them."""

import shutil
import subprocess

import pytest

import symnet as sn
import symnet.tensor as T
from symnet.printing import dot_text, graph, pydotprint


@pytest.fixture
def y():
    x = T.matrix("x")
    hidden = T.tanh(T.dot(x, sn.shared([[1.0]], 'a "quoted" name')))
    hidden.name = "hidden"
    return hidden + 1


def test_every_operation_input_and_operand_is_there(y):
    text = dot_text(y)
    nodes = [line for line in text.splitlines() if "->" not in line and "[" in line]
    edges = [line for line in text.splitlines() if "->" in line]
    assert len(nodes) == 3 + 3
    assert len(edges) == 5
    assert r'label="a \"quoted\" name float32[?, ?]"' in text
    assert "Elemwise{tanh} hidden" in text


def test_labels(y):
    assert "..." in dot_text(y, max_label_size=8)
    assert 'label="x"' in dot_text(y, var_with_name_simple=True)


def test_files(y, tmp_path, capsys):
    pydotprint(y, tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text() == dot_text(y)
    assert "graph.dot" in capsys.readouterr().out
    assert pydotprint([y], format="dot", return_image=True) == dot_text(y).encode()


def test_pictures_need_graphviz(y, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda command: None)
    with pytest.raises(RuntimeError, match=r'needs Graphviz.*format="dot"'):
        pydotprint(y, tmp_path / "graph.png")


def test_pictures_are_drawn_by_graphviz(y, tmp_path, monkeypatch):
    def run(command, input, **settings):
        assert command == ["/bin/dot", "-Tpng"]
        return subprocess.CompletedProcess(command, 0, b"PNG" + input)

    monkeypatch.setattr(shutil, "which", lambda command: "/bin/dot")
    monkeypatch.setattr(subprocess, "run", run)
    pydotprint(y, tmp_path / "graph.png", print_output_file=False)
    assert (tmp_path / "graph.png").read_bytes().startswith(b"PNGdigraph")


def test_pictures_and_pages_need_no_graphviz(y, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda command: None)
    monkeypatch.chdir(tmp_path)
    pydotprint(y, print_output_file=False)
    assert (tmp_path / "graph.svg").read_text() == graph(y).svg
    assert pydotprint(y, format="html", return_image=True) == graph(y).html.encode()
