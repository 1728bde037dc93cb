"""The example in the README runs as it stands there."""

import re
from pathlib import Path

import numpy as np

README = Path(__file__).parents[2] / "README.md"


def test_the_ten_lines_train() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(README), "exec"), names)
    rng = np.random.default_rng(0)
    images = rng.random((50, 784), np.float32)
    labels = rng.integers(0, 10, 50, np.int32)
    costs = [names["step"](images, labels) for _ in range(20)]
    assert np.isclose(costs[0], np.log(10), rtol=1e-5)
    assert costs[-1] < costs[0]
