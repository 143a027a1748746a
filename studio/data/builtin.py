"""scikit-learn's small real data sets.

What they hold is written down here, so that a node can show it without reading the numbers;
a test compares it with the sets themselves.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from studio.data.facts import Arrays, Facts

_CELL_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)

FACTS: dict[str, Facts] = {
    "digits": Facts("Handwritten digits", (8, 8, 1), "labels", 1797, classes=tuple("0123456789")),
    "iris": Facts(
        "Iris flowers",
        (4,),
        "labels",
        150,
        classes=("setosa", "versicolor", "virginica"),
        features=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    ),
    "wine": Facts(
        "Wines",
        (13,),
        "labels",
        178,
        classes=("class_0", "class_1", "class_2"),
        features=(
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
    ),
    "breast_cancer": Facts(
        "Breast cancer",
        (30,),
        "labels",
        569,
        classes=("malignant", "benign"),
        features=(
            *(f"mean {m}" for m in _CELL_MEASURES),
            *(f"{m} error" for m in _CELL_MEASURES),
            *(f"worst {m}" for m in _CELL_MEASURES),
        ),
    ),
    "diabetes": Facts(
        "Diabetes",
        (10,),
        "values",
        442,
        y_shape=(1,),
        features=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        targets=("disease progression",),
    ),
}

NAMES = tuple(FACTS)


#: Where scikit-learn keeps the numbers: files, and how many lines their heads have.
_FILES = {
    "digits": ("digits.csv.gz", 0),
    "iris": ("iris.csv", 1),
    "wine": ("wine_data.csv", 1),
    "breast_cancer": ("breast_cancer.csv", 1),
}


def arrays(name: str) -> Arrays:
    """The numbers of a set, in their original units; pixels of digits as 0 to 1."""
    numbers, targets = _from_files(name) or _from_library(name)
    if name == "diabetes":
        return Arrays(numbers, targets[:, None])
    codes = targets.astype(np.int64)
    if name == "digits":
        return Arrays((numbers.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32), codes)
    return Arrays(numbers, codes)


def _from_files(name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers and targets out of scikit-learn's files, which takes a fiftieth of the time of importing it.

    None where they lie elsewhere, as in a version with other files.
    """
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "datasets" / "data"
    try:
        if name == "diabetes":
            return np.loadtxt(folder / "diabetes_data_raw.csv.gz"), np.loadtxt(folder / "diabetes_target.csv.gz")
        file, head = _FILES[name]
        table = np.loadtxt(folder / file, delimiter=",", skiprows=head)
    except (OSError, ValueError):
        return None
    return table[:, :-1], table[:, -1]


def _from_library(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same from its functions."""
    from sklearn import datasets

    options = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(**options)
    return np.asarray(bunch.data, np.float64), np.asarray(bunch.target, np.float64)
