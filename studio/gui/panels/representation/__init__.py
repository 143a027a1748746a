"""What a layer makes of the data: boundary, strip, maps and projections."""

from studio.gui.panels.representation.panel import RepresentationPanel

__all__ = ["RepresentationPanel"]
