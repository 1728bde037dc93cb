"""The page of a training step, in a browser: what a user sees, clicks and moves."""

from pathlib import Path

import numpy as np
import pytest

import symnet as sn
import symnet.tensor as T
from symnet.printing import graph
from tests import browser

pytestmark = pytest.mark.skipif(browser.missing() is not None, reason=browser.missing() or "")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small network's training step, profiled."""
    rng = np.random.default_rng(1)
    x, y = T.matrix("x"), T.ivector("y")
    W, V = (
        sn.shared(rng.normal(size=size).astype("float32") * 0.1, name=name)
        for name, size in (("W", (30, 20)), ("V", (20, 5)))
    )
    hidden = T.tanh(T.dot(x, W))
    hidden.name = "hidden"
    cost = T.nnet.categorical_crossentropy(T.nnet.softmax(T.dot(hidden, V)), y).mean()
    gradients = sn.grad(cost, [W, V])
    updates = [(p, p - 0.1 * g) for p, g in zip((W, V), gradients, strict=True)]
    f = sn.function([x, y], cost, updates=updates, profile=True)
    f(rng.normal(size=(40, 30)).astype("float32"), rng.integers(0, 5, 40).astype("int32"))
    drawing = graph(f, title="</script> train")
    return drawing.write(tmp_path_factory.mktemp("page") / "train.html")


@pytest.fixture(scope="module")
def running():
    with browser.Browser() as b:
        yield b


@pytest.fixture
def tab(running, page):
    running.open(page)
    return running


def count(tab, selector):
    return tab.run(f"document.querySelectorAll('{selector}').length")


def text(tab, selector):
    return tab.run(f"document.querySelector('{selector}').textContent")


def transform(tab):
    return tab.run("[state.x, state.y, state.scale]")


def test_it_opens_offline_and_asks_for_nothing(tab, page):
    assert tab.errors == []
    assert set(tab.requests) == {page.as_uri()}
    assert text(tab, "h1").startswith("</script> train")
    assert count(tab, ".face") > 5
    assert text(tab, "#views button[aria-selected=true]") == "steps"


def test_a_click_tells_type_place_and_time(tab):
    tab.run("actions.close(), actions.fit()")
    tab.click(".face:has(.under)")
    assert count(tab, ".face.chosen") == 1
    told = text(tab, "#panel")
    for what in ("measured", "at best", "float32[", "built at", "test_page.py", "reads", "code"):
        assert what in told


def test_groups_open_and_close(tab):
    tab.run("actions.close()")
    closed = count(tab, ".face")
    assert count(tab, ".box") == 0
    tab.click(".face .sign")
    assert count(tab, ".box") == 1
    assert count(tab, ".face") > closed
    tab.click(".box .sign")
    assert count(tab, ".face") == closed
    tab.click(".face:has(.under)", times=2)
    assert count(tab, ".box") == 1
    tab.click("#open")
    assert count(tab, ".box") == tab.run("boxes.length")
    tab.click("#close")
    assert count(tab, ".box") == 0


def test_a_group_stays_in_its_place_when_it_is_opened(tab):
    tab.run("actions.close()")
    tab.run("window.before = placeOf(boxes[0].face)")
    before = tab.run("[before.left * state.scale + state.x, before.top * state.scale + state.y]")
    tab.run("toggle(boxes[0]), window.after = placeOf(boxes[0].face)")
    after = tab.run("[after.left * state.scale + state.x, after.top * state.scale + state.y]")
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_it_is_moved_and_zoomed(tab):
    x, y, scale = transform(tab)
    tab.drag((300, 830), (380, 780))
    assert transform(tab) == pytest.approx([x + 80, y - 50, scale])
    tab.wheel((500, 400), -300)
    larger = transform(tab)
    assert larger[2] > 1.3 * scale
    left, top = tab.run("(b => [b.x, b.y])(canvas.getBoundingClientRect())")
    # What is under the mouse stays there.
    for at, old, new in ((500 - left, x + 80, larger[0]), (400 - top, y - 50, larger[1])):
        assert (at - old) / scale == pytest.approx((at - new) / larger[2])
    tab.click("#less")
    assert transform(tab)[2] == pytest.approx(larger[2] / 1.3)
    tab.click("#fit")
    box = tab.run("(b => [b.width, b.height])(world.getBoundingClientRect())")
    room = tab.run("(b => [b.width, b.height])(canvas.getBoundingClientRect())")
    assert all(a <= b for a, b in zip(box, room, strict=True))


def test_nothing_lies_on_anything_else(tab):
    tab.click("#open")
    script = """(() => {
      const places = [...document.querySelectorAll(".face > .sheet")].map(e => e.getBBox());
      return places.filter((a, k) => places.some((b, j) => j < k &&
        a.x < b.x + b.width && b.x < a.x + a.width &&
        a.y < b.y + b.height && b.y < a.y + a.height)).length;
    })()"""
    assert tab.run(script) == 0


def test_text_fits_its_face(tab):
    script = """[...document.querySelectorAll(".face")].filter(e =>
      [...e.querySelectorAll(".title, .subtitle")].some(t =>
        t.getBBox().x + t.getBBox().width > e.querySelector(".sheet").getBBox().x
          + e.querySelector(".sheet").getBBox().width)).length"""
    assert tab.run(script) == 0


def test_passes_are_chosen_and_grouped(tab):
    names = tab.run("page.views.map(v => v.name)")
    assert names[:2] == ["steps", "as written"]
    tab.click("#views button:nth-child(2)")
    assert text(tab, "#panel h2") == "as written"
    assert tab.run("[...groupingSelect.options].map(o => o.value)") == ["line", "name", "nothing"]
    tab.run("groupingSelect.value = 'name', groupingSelect.dispatchEvent(new Event('change'))")
    tab.click("#close")
    assert "hidden" in tab.run("boxes.map(b => faces[b.face].title)")
    tab.run("groupingSelect.value = 'nothing', groupingSelect.dispatchEvent(new Event('change'))")
    assert tab.run("boxes.length") == 0
    assert count(tab, ".face") == tab.run("page.views[1].count")


def test_search_finds_and_shows(tab):
    tab.click("#close")
    tab.click("#search")
    tab.call("Input.insertText", text="tanh")
    assert count(tab, ".face.found") >= 1
    assert count(tab, "#world.dim") == 1
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                 windowsVirtualKeyCode=13)  # fmt: skip
    # What is called so comes before what merely has to do with it.
    assert text(tab, "#panel h2") == "tanh"
    assert count(tab, ".box") >= 1
    assert count(tab, ".face.chosen") == 1


def test_the_overview_leads_to_where_the_time_goes(tab):
    assert "where the time goes" in text(tab, "#panel")
    title = text(tab, ".hot span")
    tab.click(".hot")
    assert text(tab, "#panel h2") == title
    assert count(tab, ".chosen") == 1


def test_no_script_failed(tab):
    assert tab.errors == []
