"""The list of built-in data sets, for the data browser and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.data import builtin, drawn, plane
from studio.data.facts import Facts

Kind = Literal["2-D points", "Images", "Table", "Sequences", "Text"]


@dataclass(frozen=True)
class CatalogEntry:
    """One built-in data set.

    Parameters
    ----------
    name : str
        What a Data node's `source` calls it.
    title : str
        For people.
    description : str
        One sentence.
    kind : {"2-D points", "Images", "Table", "Sequences", "Text"}
        What a sample is.
    drawn : bool
        Whether it is drawn on the fly, so that `samples` and `noise` matter.
    classes : tuple of str
        Class names; empty where the answers are values.
    """

    name: str
    title: str
    description: str
    kind: Kind
    drawn: bool
    classes: tuple[str, ...]


_DESCRIPTIONS = {
    "half-planes": "Black and white points on the two sides of a tilted line: one neuron is enough.",
    "gaussians": "Two round clouds of points that overlap more the more noise there is.",
    "circles": "A ring inside a ring: no straight line parts them.",
    "moons": "Two half moons that reach into each other.",
    "xor": "Four corners of a square, the same class across: needs a hidden layer.",
    "spirals": "Two arms wound into each other: needs a few hidden neurons and some patience.",
    "checkerboard": "A board of 4 by 4 cells in two colours: many corners to learn.",
    "plane": "The height of a hilly landscape at each point: a number to predict, not a class.",
    "shapes": "Discs, squares and triangles; tell for each pixel what it belongs to.",
    "tones": "Voices that say a vowel in one of four tones, as pictures of their frequencies over time.",
    "waves": "A series with two swings; forecast its next number.",
    "reviews": "Short reviews that praise or complain, in words whose meaning hangs on the words around them.",
    "stories": "Little stories, character by character; predict the next one.",
    "number-words": "Numbers in English words, to be translated into digits.",
    "digits": "1,797 pictures of digits written by hand, 8 by 8 pixels each.",
    "iris": "150 flowers of three species, measured in four ways.",
    "wine": "178 wines from three growers, with 13 chemical measurements each.",
    "breast_cancer": "569 tumours, malignant or benign, with 30 measurements of their cells.",
    "diabetes": "442 patients with 10 measurements each; predict how the disease goes on in a year.",
}


def catalog() -> tuple[CatalogEntry, ...]:
    """All built-in data sets: 2-D points first, then pictures and tables."""
    entries = []
    found = {
        **{name: plane.facts(name, 0) for name in plane.NAMES},
        **{name: module.facts(0) for name, module in drawn.MODULES.items()},
        **builtin.FACTS,
    }
    for name, facts in found.items():
        on_the_fly = name not in builtin.FACTS
        entries.append(CatalogEntry(name, facts.title, _DESCRIPTIONS[name], _kind(facts), on_the_fly, facts.classes))
    return tuple(entries)


def _kind(facts: Facts) -> Kind:
    if facts.plane:
        return "2-D points"
    if facts.vocabulary:
        return "Text"
    return "Images" if facts.pictures else "Sequences" if len(facts.x_shape) == 2 else "Table"
