"""Settings for all tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from studio.cuda import card as cards
from studio.engine import card_peaks
from studio.testing.cards import ProcessorCard

# The same examples each time, and no time limits on a busy machine.
settings.register_profile(
    "studio", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("studio")


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example of a plug-in, ``tests/plugins/radial``, is installed into.

    A process that has it on its PYTHONPATH has the plug-in.
    """
    folder = tmp_path_factory.mktemp("plugin")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    source = Path(__file__).parent / "plugins" / "radial"
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--target", folder, source], check=True, timeout=120)
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file stay together in one process, but those over all components are spread.

    Files share what is slow to make, such as windows; the contract and the oracle are one long
    list each, which would keep one process busy while the others have nothing to do. First of all:
    pytest-xdist reads the groups in the same hook, and forgets those that come later.
    """
    for item in items:
        if not any(part in item.nodeid for part in ("test_contract", "tests/oracle/")):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@pytest.fixture
def small_peaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card's peaks are measured with few numbers, known to nobody before, and kept in this folder."""
    folder = tmp_path / "peaks"
    folder.mkdir()
    monkeypatch.setattr(card_peaks, "cache_folder", lambda: folder)
    monkeypatch.setattr(card_peaks, "_known", {})
    for name, value in (("_SIZES", (1 << 20,)), ("_MEMORY", 4 << 20), ("_ROUNDS", 2)):
        monkeypatch.setattr(card_peaks, name, value)
    return folder


@pytest.fixture
def card(small_peaks: Path) -> Iterator[ProcessorCard]:
    """This machine's card, for whom the processor runs the kernels."""
    made = ProcessorCard()
    cards.use(made)
    yield made
    cards.use(None)
