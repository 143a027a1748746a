"""The panel Speed: where the time of a training step goes."""

from studio.gui.panels.speed.panel import SpeedPanel

__all__ = ["SpeedPanel"]
