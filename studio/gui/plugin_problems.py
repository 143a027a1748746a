"""What is wrong with plug-ins, said once when the window opens."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from studio.core import registry
from studio.gui.session import Session


def tell_of_plugins(session: Session) -> None:
    """Say what is wrong with plug-ins, whose layers may be missing because of it; nothing if all is well."""
    sentences = [sentence for plugin in registry.plugins() for sentence in plugin.problems]
    if not sentences:
        return
    words = "{sentence}"
    if len(sentences) > 1:
        words = QCoreApplication.translate("PluginProblems", "{sentence} There is more: studio doctor lists it.")
    session.say(words.format(sentence=sentences[0]), True)
