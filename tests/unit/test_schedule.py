"""The order of steps: data first, then what reads old values, guards, what overwrites them."""

from __future__ import annotations

import pytest

from symnet.schedule import Draft, StepGraph


def draft(stage: int, reads: str = "", writes: str = "", guard: bool = False) -> Draft:
    return Draft(stage, frozenset(reads.split()), frozenset(writes.split()), guard=guard)


def test_readers_come_after_writers() -> None:
    late, early = draft(0, "t", "u"), draft(0, "", "t")
    assert StepGraph([late, early]).order() == [early, late]


def test_stages_decide_where_there_is_a_choice() -> None:
    drafts = [draft(2, "", "a"), draft(0, "", "b"), draft(1, "", "c")]
    assert [d.stage for d in StepGraph(drafts).order()] == [0, 1, 2]


def test_an_update_waits_for_readers_of_the_old_value_and_for_guards() -> None:
    update, reader, guard = draft(0, "w"), draft(5, "w", "t"), draft(6, "t", guard=True)
    graph = StepGraph([update, reader, guard])
    assert set(graph.readers("w")) == {update, reader, guard}
    for d in (reader, guard):
        d.before.append(update)
    assert graph.order() == [reader, guard, update]


def test_precedes_follows_data_and_updates() -> None:
    first, second, third = draft(0, "", "t"), draft(1, "t", "u"), draft(2, "u", "v")
    graph = StepGraph([first, second, third])
    assert graph.precedes(first, third)
    assert not graph.precedes(third, first)
    third.before.append(draft(3))
    assert graph.precedes(first, third.before[0])


def test_a_cycle_is_a_defect() -> None:
    first, second = draft(0, "u", "t"), draft(0, "t", "u")
    with pytest.raises(AssertionError, match="cycle"):
        StepGraph([first, second]).order()


def towers(count: int) -> list[Draft]:
    """Large terms, each reduced to a small one; then their sum."""
    made = [draft(0, "", f"large{k}") for k in range(count)]
    made += [draft(1, f"large{k}", f"small{k}") for k in range(count)]
    return [*made, draft(2, " ".join(f"small{k}" for k in range(count)), "sum")]


def test_of_many_large_terms_few_are_there_at_a_time() -> None:
    drafts = towers(4)
    sizes = {f"large{k}": 1 << 20 for k in range(4)}
    stages = [d.stage for d in StepGraph(drafts).order(sizes)]
    assert stages == [0, 1, 0, 1, 0, 1, 0, 1, 2]


@pytest.mark.parametrize("sizes", [{}, {f"large{k}": 1 << 10 for k in range(4)}])
def test_small_ones_go_by_stage(sizes: dict[str, int]) -> None:
    stages = [d.stage for d in StepGraph(towers(4)).order(sizes)]
    assert stages == [0, 0, 0, 0, 1, 1, 1, 1, 2]


def test_where_it_saves_nothing_stages_decide() -> None:
    """All that is large is needed at the end."""
    drafts = [draft(0, "", f"large{k}") for k in range(4)]
    drafts += [draft(1, f"large{k}", f"small{k}") for k in range(4)]
    drafts.append(draft(2, " ".join(f"large{k} small{k}" for k in range(4)), "end"))
    sizes = {f"large{k}": 1 << 20 for k in range(4)}
    assert [d.stage for d in StepGraph(drafts).order(sizes)] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
