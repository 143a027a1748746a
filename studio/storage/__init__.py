"""Project files, bricks, the crash-recovery journal and the templates."""

from studio.storage.brick_file import BRICK_SUFFIX, brick_path, glance_at_brick, open_brick, save_brick
from studio.storage.data_reference import DataReference
from studio.storage.document_json import document_from_json, document_to_json, graph_from_json, graph_to_json
from studio.storage.errors import StorageError
from studio.storage.journal import Journal
from studio.storage.project_file import SUFFIX, StoredProject, open_project, save

__all__ = [
    "BRICK_SUFFIX",
    "SUFFIX",
    "DataReference",
    "Journal",
    "StorageError",
    "StoredProject",
    "brick_path",
    "document_from_json",
    "document_to_json",
    "glance_at_brick",
    "graph_from_json",
    "graph_to_json",
    "open_brick",
    "open_project",
    "save",
    "save_brick",
]
