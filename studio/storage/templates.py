"""The templates a person starts from: documents in ``assets/templates``, as data.

A template is what `studio.storage.document_json` writes, with four members more: its place in
the list (``order``), its ``kind``, a one-sentence ``description`` and the ``score`` it reaches.
Parameters that are not written take the layers' defaults.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from studio.core import registry
from studio.core.assets import assets_folder
from studio.core.document import Document
from studio.core.metric import Metric
from studio.storage import readable_json
from studio.storage.document_json import document_from_json
from studio.storage.errors import StorageError, not_read


@dataclass(frozen=True)
class Score:
    """What a template states that it reaches, on any machine: vector units round differently.

    Parameters
    ----------
    metric : str
        Name of a registered metric, such as ``accuracy``.
    value : float
        What it comes to on the test part, or better.
    """

    metric: str
    value: float

    @property
    def kind(self) -> type[Metric]:
        """The metric's class."""
        return registry.metric(self.metric)

    def met_by(self, value: float) -> bool:
        """Whether a measured value is as good as stated."""
        return value >= self.value if self.kind.higher_is_better else value <= self.value

    def sign(self) -> str:
        """What stands between the metric and the value: at least or at most."""
        return "≥" if self.kind.higher_is_better else "≤"

    def written(self, value: float | None = None) -> str:
        """A value of this metric as people read it (without one, the stated one): ``98 %``, ``1.35``."""
        value = self.value if value is None else value
        return f"{100 * value:.1f}".removesuffix(".0") + " %" if self.kind.percent else f"{value:.3g}"


@dataclass(frozen=True)
class Template:
    """One entry of the list of templates.

    Parameters
    ----------
    name : str
        As the command line and the file name have it, such as ``digits-mlp``.
    title : str
        For people.
    description : str
        One sentence.
    kind : str
        What its samples are: ``2-D points``, ``Images``, ``Table``, ``Sequences`` or ``Text``.
    score : Score
        What it reaches when it is trained as it is.
    """

    name: str
    title: str
    description: str
    kind: str
    score: Score
    _values: dict[str, Any] = field(repr=False, compare=False)

    def document(self) -> Document:
        """The document to start from.

        Raises
        ------
        StorageError
            When the file in the installation is damaged.
        """
        return document_from_json(self._values)


@cache
def templates() -> tuple[Template, ...]:
    """All templates, the simplest first.

    Raises
    ------
    StorageError
        When a file of the installation is missing or damaged.
    """
    found = []
    try:
        files = sorted((assets_folder() / "templates").glob("*.json"))
        contents = [(path.stem, path.read_bytes()) for path in files]
    except FileNotFoundError as error:
        raise StorageError(str(error)) from error
    except OSError as error:
        raise not_read(error.filename or "the templates", error) from error
    for name, content in contents:
        values = readable_json.loads(content, f"The template {name}")
        try:
            score = Score(values["score"]["metric"], float(values["score"]["value"]))
            registry.metric(score.metric)
            entry = Template(name, values["title"], values["description"], values["kind"], score, values)
            found.append((int(values["order"]), entry))
        except (LookupError, TypeError, ValueError) as error:
            raise StorageError(f"The template {name} is damaged: install Layer Studio again.") from error
    return tuple(entry for _, entry in sorted(found, key=lambda pair: pair[0]))


def names() -> tuple[str, ...]:
    """Names of all templates, the simplest first."""
    return tuple(t.name for t in templates())


def template(name: str) -> Template:
    """The template of that name.

    Raises
    ------
    StorageError
        When there is none; names close ones.
    """
    found = next((t for t in templates() if t.name == name.strip().lower().replace("_", "-")), None)
    if found is not None:
        return found
    likeness = {known: difflib.SequenceMatcher(None, name.lower(), known).ratio() for known in names()}
    # Only those about as close as the closest.
    wanted = max(0.5, max(likeness.values()) - 0.1)
    close = sorted((n for n in names() if likeness[n] >= wanted), key=lambda n: -likeness[n])[:3]
    hint = f"did you mean {' or '.join(close)}?" if close else "`studio templates` lists them all."
    raise StorageError(f"There is no template called {name[:64]!r}: {hint}")


def load(name: str) -> Document:
    """The document of the template of that name.

    Raises
    ------
    StorageError
        When there is none.
    """
    return template(name).document()
