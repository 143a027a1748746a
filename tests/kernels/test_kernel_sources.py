"""Which texts a kernel depends on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.core import registry
from studio.engine.optimizers import adam, adamax
from studio.kernels import control, jit, sources
from studio.kernels.pointwise import forward_kernel
from studio.kernels.products import multiply_kernel


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing known of any text before and after."""
    caches = (sources.modules_seen_by, sources._may_change, sources._text_of, sources._digest_of_file)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def test_a_kernel_sees_what_its_module_imports() -> None:
    seen = sources.modules_seen_by(control.__name__)
    assert {"studio.kernels.control", "studio.kernels.simd", "studio.kernels.state"} <= seen
    assert not any("jit" in name or "cache" in name or "studio.engine" in name for name in seen)
    assert "studio.engine.optimizers.adam" in sources.modules_seen_by(adam.__name__)
    assert "studio.engine.optimizers.sgd" not in sources.modules_seen_by(adamax.__name__)


def test_the_fast_reader_of_imports_finds_what_the_thorough_one_finds() -> None:
    registry.layers()
    registry.optimizers()
    names = {k.function.__module__ for k in jit.named_kernels()} | {n for n in sys.modules if n.startswith("studio.kernels.")}
    for name in names:
        if name.startswith("studio."):
            text = sources._text_of(name)
            thorough = {n for n in sources._imported(text, name, True) if n.startswith(sources._OURS)}
            # It also finds those of texts that the module makes kernels from.
            assert set(sources._imported(text, name, False)) >= thorough, name


def test_keys_differ_by_text_and_place() -> None:
    kernels = [control.barrier, control.gather, multiply_kernel(2, 1), multiply_kernel(3, 1), forward_kernel(registry.layer("Tanh"))]
    assert len({k.key for k in kernels}) == len(kernels)


PACKAGE = {
    "__init__.py": "",
    "layers.py": "from . import helper\nfrom .sub.deep import factor\nimport math\n\ndef kernel(): pass\n",
    "helper.py": "import numpy\nfrom neighbour import scale\n\ndef half(x):\n    return x * 0.5\n",
    "sub/__init__.py": "",
    "sub/deep.py": "factor = 3.0\n",
    "unseen.py": "x = 1\n",
}


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("changed", ["helper.py", "sub/deep.py", "../neighbour.py", "unseen.py"])
def test_a_plug_in_s_helper_modules_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    root = tmp_path / "plug"
    for name, text in {**PACKAGE, "../neighbour.py": "scale = 2.0\n"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    try:
        __import__("plug.layers")
        __import__("plug.unseen")
        first = sources.digest_of("plug.layers")
        generated = sources.digest_of("", "from plug.layers import kernel as layer\n")
        (root / changed).write_text((root / changed).read_text() + "# changed\n")
        sources._text_of.cache_clear()
        sources._digest_of_file.cache_clear()
        assert (sources.digest_of("plug.layers") != first) == (changed != "unseen.py")
        assert (sources.digest_of("", "from plug.layers import kernel as layer\n") != generated) == (changed != "unseen.py")
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
