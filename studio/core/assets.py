"""Where the files that come with the product are: fonts, icons, templates, lessons."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def assets_folder() -> Path:
    """The folder ``assets``: beside the package in a checkout, inside it when installed.

    Raises
    ------
    FileNotFoundError
        When the installation lacks it.
    """
    beside = Path(__file__).resolve().parents[2] / "assets"
    for folder in (beside, Path(str(files("studio"))) / "assets"):
        if (folder / "templates").is_dir():
            return folder
    raise FileNotFoundError("The installation lacks its assets folder: install Layer Studio again.")
