"""Pictures: what is in them, that nothing lies on anything else, and that few edges cross."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.drawing import graph
from symnet.drawing.boxes import Box, boxed
from symnet.drawing.layers import arrange
from symnet.drawing.places import lay_out
from symnet.drawing.scene import Edge, Face, Scene, gathered
from symnet.graph import ancestors


def scene_of(count, edges, paths=None):
    scene = Scene("test", "", [Face(f"n{k}") for k in range(count)])
    scene.edges = [Edge(a, b, a, f"{a} to {b}") for a, b in edges]
    if paths is not None:
        scene.groupings["test"] = [tuple(p) for p in paths]
        scene.groups = {key: Face(key, kind="line") for p in paths for key in p}
    return scene


def boxes(box):
    yield box
    for inner in box.inner():
        yield from boxes(inner)


def rectangles(layout, x=0.0, y=0.0):
    """Everything of a layout that has an extent, with what it lies in."""
    for place, item in zip(layout.places, layout.box.items, strict=True):
        if item.kind in ("node", "box"):
            yield layout, (x + place.x, y + place.y, place.width, place.height)
        if place.inner is not None:
            yield from rectangles(place.inner, x + place.x, y + place.y)


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def random_scene(seed, count=40):
    rng = np.random.default_rng(seed)
    edges = {(int(rng.integers(b)), b) for b in range(1, count) for _ in range(2)}
    paths = [(f"g{k // 10}", f"h{k // 4}") if k % 7 else () for k in range(count)]
    return scene_of(count, sorted(edges), paths)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_open", [True, False])
def test_nothing_lies_on_anything_else(seed, is_open):
    scene = random_scene(seed)
    root = boxed(scene, "test")
    arrange(root)
    found = list(rectangles(lay_out(scene, root, lambda box: is_open)))
    assert len(found) > 5
    for k, (home, a) in enumerate(found):
        for other, b in found[:k]:
            assert not (home is other and overlap(a, b))


@pytest.mark.parametrize("seed", range(5))
def test_links_lead_from_row_to_row_and_all_items_have_one(seed):
    root = boxed(random_scene(seed), "test")
    arrange(root)
    for box in boxes(root):
        row = {n: k for k, items in enumerate(box.rows) for n in items}
        assert sorted(row) == list(range(len(box.items)))
        assert all(row[x.target.item] == row[x.source.item] + 1 for x in box.links)


def test_edges_are_cut_at_the_borders_of_boxes():
    scene = scene_of(5, [(0, 1), (1, 2), (2, 3), (3, 4)], [[], ["a"], ["a"], ["b"], ["b"]])
    root = boxed(scene, "test")
    a, b = root.inner()
    assert [x.kind for x in root.items] == ["node", "box", "box"]
    assert [(x.source.item, x.target.item) for x in root.links] == [(0, 1), (1, 2)]
    assert sorted(x.kind for x in a.items) == ["in", "node", "node", "out"]
    assert sorted(x.kind for x in b.items) == ["in", "node", "node"]


def test_a_value_enters_a_box_once():
    scene = scene_of(4, [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)], [[], ["a"], ["a"], ["a"]])
    (inner,) = boxed(scene, "test").inner()
    assert [x.kind for x in inner.items].count("in") == 1
    assert len(boxed(scene, "test").links) == 1


def test_groups_that_say_nothing_are_left_out():
    scene = scene_of(3, [(0, 1), (1, 2)], [["alone"], ["outer", "same"], ["outer", "same"]])
    (inner,) = boxed(scene, "test").inner()
    assert inner.key == "same"


def test_turns_of_a_user_s_loop_are_groups_of_their_own():
    edges = [(k, k + 1) for k in range(7)]
    paths = [["layer", line] for _ in range(2) for line in ("dot", "dot", "tanh", "tanh")]
    found = [b.key for b in boxes(boxed(scene_of(8, edges, paths), "test"))]
    assert found == [None, "layer", "dot", "tanh", "layer", "dot", "tanh"]


def test_nodes_of_a_group_come_together_where_they_can():
    scene = scene_of(6, [(0, 3), (1, 4), (2, 5)], [["a"], ["b"], ["a"], ["a"], ["b"], ["a"]])
    order = gathered(scene, scene.groupings["test"])
    assert order == [0, 2, 3, 5, 1, 4]


def test_what_can_be_drawn_without_crossings_is():
    # Two chains whose second nodes are listed the other way round.
    root = boxed(scene_of(6, [(0, 3), (1, 2), (2, 5), (3, 4)]), None)
    arrange(root)
    ends = [root.rows[0].index(k) for k in (0, 1)]
    assert [root.rows[1].index(k) for k in (3, 2)] == ends
    assert [root.rows[2].index(k) for k in (4, 5)] == ends


def test_loops_of_the_program_lead_back_up():
    scene = scene_of(3, [(0, 1), (1, 2), (2, 1)])
    root = boxed(scene, None)
    arrange(root)
    assert [x.up for x in root.links].count(True) == 1
    assert len(root.rows) == 3


def step(called=True, **options):
    x = T.matrix("x")
    W = sn.shared(np.ones((4, 3), "float32"), name="W")
    h = T.tanh(T.dot(x, W))
    h.name = "hidden"
    cost = T.sqr(h).sum()
    f = sn.function([x], cost, updates=[(W, W - sn.grad(cost, W))], name="train", **options)
    if called:
        f(np.ones((5, 4), "float32"))
    return f


def test_a_function_shows_its_steps_and_every_pass_that_changed_it():
    f = step()
    scenes = {s.name: s for s in graph(f).scenes}
    assert list(scenes)[:2] == ["steps", "as written"]
    assert len(scenes) >= 3
    titles = [n.title for n in scenes["steps"].nodes]
    assert titles.count("dot") == 2
    assert "tanh" in titles
    groups = {key for path in scenes["steps"].groupings["step"] for key in path}
    assert groups <= set(range(len(f.programs[0].steps)))
    written = scenes["as written"]
    assert len(written.nodes) == 1 + len(list(ancestors(f.written.results)))
    facts = [fact for n in written.nodes for fact in n.facts]
    assert ("name", "hidden") in facts
    assert any("test_drawing.py" in text for what, text in facts if what == "built at")
    assert ("gradient", "made by differentiating what this line built") in facts
    assert any(n.subtitle == "hidden: float32[5, 3]" for n in written.nodes)


def test_what_is_written_and_read_is_marked():
    scene = graph(step()).scenes[1]
    chips = [(c.text, c.kind) for n in scene.nodes for c in n.chips]
    assert ("W", "shared") in chips
    assert ("→ W", "shared") in chips
    assert ("→ out0", "output") in chips


def test_groups_by_line_and_by_name():
    scene = graph(step()).scenes[1]
    assert any("hidden" in path for path in scene.groupings["name"])
    lines = {key for path in scene.groupings["line"] for key in path}
    assert {line.gradient for line in lines} == {True, False}
    assert all(line in scene.groups for line in lines)


def test_measured_times_are_shown_if_there_are_any():
    (measured, *_), (predicted, *_) = graph(step(profile=True)).scenes, graph(step()).scenes
    assert "measured" in dict(next(iter(measured.groups.values())).facts)
    assert "measured" not in dict(next(iter(predicted.groups.values())).facts)
    assert any(face.badge.startswith("≥") for face in predicted.groups.values())


def test_before_the_first_call_there_is_the_graph():
    assert graph(step(called=False)).scenes[0].name == "as written"


def test_loops_and_host_calls():
    x = T.matrix("x")
    W = sn.shared(np.ones((3, 3), "float32"), name="W")
    last = sn.scan(lambda h: T.tanh(T.dot(h, W)), outputs_info=x, n_steps=4)[0][-1]
    f = sn.function([x], T.slinalg.expm(last))
    f(np.ones((3, 3), "float32"))
    scene = graph(f).scenes[0]
    assert [face.kind for face in scene.groups.values()].count("loop") <= 1
    assert any(n.kind == "host" for n in scene.nodes)
    ET.fromstring(graph(f).picture(inside=True))


def test_svg():
    root = ET.fromstring(graph(step()).svg)
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("tanh" in text for text in texts)
    inside = ET.fromstring(graph(step()).picture("steps", inside=True))
    assert len(list(inside.iter())) > len(list(root.iter()))
    with pytest.raises(ValueError, match="scenes are 'steps'"):
        graph(step()).picture("nonsense")


def test_expressions_and_what_is_not_one(tmp_path):
    x = T.matrix("x")
    y = T.exp(x) + 1
    drawing = graph([y, x * 2], title="two <of> them")
    assert [n.title for n in drawing.scenes[0].nodes] == ["x", "exp", "add", "mul"]
    assert "two &lt;of&gt; them" in drawing.html
    assert drawing.write(tmp_path / "page.html").read_text() == drawing.html
    assert drawing.write(tmp_path / "picture.svg").read_text() == drawing.svg
    with pytest.raises(ValueError, match=r"\.html or \.svg"):
        drawing.write(tmp_path / "picture.png")
    with pytest.raises(TypeError, match="is not a variable"):
        graph(3)


def test_a_long_graph_is_drawn_in_time_that_grows_with_it():
    y = T.vector("x")
    for _ in range(700):
        y = T.tanh(y) + 1
    ET.fromstring(graph(y).svg)


def test_a_box_knows_its_inner_boxes():
    assert list(Box(None).inner()) == []


def test_each_result_is_marked_where_it_is_made():
    x = T.matrix("x")
    b = sn.shared(np.ones(4, "float32"), name="b")
    c = sn.shared(np.ones(4, "float32"), name="c")
    total = x.sum(0)
    f = sn.function([x], total.max(), updates=[(b, b - total), (c, T.exp(c) + total)])
    f(np.ones((3, 4), "float32"))
    scene = graph(f).scenes[0]
    marked = {c.text: n.title for n in scene.nodes for c in n.chips if c.text.startswith("→")}
    assert marked == {"→ b": "sub", "→ c": "add", "→ out0": "max[0]"}


def test_a_loop_of_one_step_is_a_box():
    x = T.matrix("x")
    W = sn.shared(np.ones((3, 3), "float32"), name="W")
    states, _ = sn.scan(lambda h: T.tanh(T.dot(h, W)), outputs_info=x, n_steps=4)
    f = sn.function([x], states)
    f(np.ones((2, 3), "float32"))
    scene = graph(f).scenes[0]
    kinds = [scene.groups[b.key].kind for b in boxes(boxed(scene, "step")) if b.key is not None]
    assert "loop" in kinds
