"""Layer Studio: see how a neural network learns, while it learns.

>>> import studio
>>> project = studio.new("iris")
>>> result = project.train(epochs=5)
>>> project.save("iris.studio")  # doctest: +SKIP

Nothing heavy is loaded before one of the two functions is called.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.project import Project

__version__ = "0.1.0"

__all__ = ["__version__", "load", "new"]


def load(path: str | os.PathLike[str]) -> Project:
    """Open a ``.studio`` file.

    Raises
    ------
    studio.storage.StorageError
        When it cannot be read; the message is one plain sentence.
    """
    from studio.project import Project

    return Project.load(path)


def new(template: str) -> Project:
    """Start from a template, such as ``spirals`` or ``digits-convnet``.

    Raises
    ------
    studio.storage.StorageError
        When there is no such template; names close ones.
    """
    from studio.project import Project

    return Project.new(template)
