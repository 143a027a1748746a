"""Where samples come from: built-in sets, sets drawn on the fly, and the user's files.

>>> from studio.data import load
>>> from studio.layers.data import Data
>>> load(Data(source="spirals", samples=100)).train.x.shape
(60, 2)
"""

from studio.data.balance import class_balance
from studio.data.catalog import CatalogEntry, catalog
from studio.data.csv_preview import Preview, preview
from studio.data.errors import DataError
from studio.data.loading import describe, describe_all, load, reads_files
from studio.data.source import Source, parse_source, source_for

__all__ = [
    "CatalogEntry",
    "DataError",
    "Preview",
    "Source",
    "catalog",
    "class_balance",
    "describe",
    "describe_all",
    "load",
    "parse_source",
    "preview",
    "reads_files",
    "source_for",
]
