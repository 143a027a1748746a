"""Project files, the crash-recovery journal and the templates."""

from studio.storage.data_reference import DataReference
from studio.storage.document_json import document_from_json, document_to_json, graph_from_json, graph_to_json
from studio.storage.errors import StorageError
from studio.storage.journal import Journal
from studio.storage.project_file import SUFFIX, StoredProject, open_project, save

__all__ = [
    "SUFFIX",
    "DataReference",
    "Journal",
    "StorageError",
    "StoredProject",
    "document_from_json",
    "document_to_json",
    "graph_from_json",
    "graph_to_json",
    "open_project",
    "save",
]
