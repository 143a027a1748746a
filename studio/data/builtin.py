"""scikit-learn's small real data sets.

What they hold is written down here, so that a node can show it without loading scikit-learn
(about a second); a test compares it with the sets themselves.
"""

from __future__ import annotations

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


def arrays(name: str) -> Arrays:
    """The numbers of a set, in their original units; pixels of digits as 0 to 1."""
    from sklearn import datasets

    if name == "diabetes":
        bunch = datasets.load_diabetes(scaled=False)
        return Arrays(np.asarray(bunch.data, np.float64), np.asarray(bunch.target, np.float64)[:, None])
    bunch = getattr(datasets, f"load_{name}")()
    codes = np.asarray(bunch.target, np.int64)
    if name == "digits":
        return Arrays((bunch.images[..., None] / 16.0).astype(np.float32), codes)
    return Arrays(np.asarray(bunch.data, np.float64), codes)
