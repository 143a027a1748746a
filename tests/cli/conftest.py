"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.cli.commands import Studio


@pytest.fixture
def studio(capsys: pytest.CaptureFixture[str]) -> Studio:
    """Runs ``studio`` commands in this process."""
    return Studio(capsys)
