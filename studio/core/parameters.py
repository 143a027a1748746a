"""Parameters that several layers have, each declared once: legal range, default and help."""

from __future__ import annotations

from studio.core import registry
from studio.core.fields import choice, flag, integer, pair, real


def filters() -> int:
    """How many output channels a convolution has."""
    return integer(8, 1, 4096, help="How many patterns, and so output maps, the layer has.")  # type: ignore[no-any-return]


def groups() -> int:
    """Into how many parts that do not see each other a convolution falls."""
    return integer(1, 1, 4096, help="Into how many groups maps and patterns are split; a pattern sees only its group's maps.")  # type: ignore[no-any-return]


def depth_multiplier() -> int:
    """Output channels of a depthwise convolution for each input channel."""
    return integer(1, 1, 64, help="How many patterns look at each input map.")  # type: ignore[no-any-return]


def kernel_size() -> tuple[int, int]:
    """Size of a pattern that slides over a picture."""
    return pair(3, 1, 64, help="Height and width of each pattern.", unit="px")  # type: ignore[no-any-return]


def strides() -> tuple[int, int]:
    """Steps of a pattern that slides over a picture."""
    return pair(1, 1, 64, help="How far the pattern moves each time; 2 halves the picture.", unit="px")  # type: ignore[no-any-return]


def dilation_rate() -> tuple[int, int]:
    """Gaps within a pattern that slides over a picture."""
    return pair(1, 1, 64, help="Gaps between the pattern's pixels; 1 is none.", unit="px")  # type: ignore[no-any-return]


_PADDING = "valid: only where the pattern fits. same: zeros around, so the size stays."


def padding(help: str = _PADDING) -> str:
    """Whether a pattern may stick out of its picture."""
    return choice("valid", ("valid", "same"), help=help)  # type: ignore[no-any-return]


def activation() -> str:
    """The activation that a layer with weights ends with."""
    return choice("linear", registry.activation_names, help="The curve each sum goes through; linear is none.")  # type: ignore[no-any-return]


def use_bias(whose: str = "neuron") -> bool:
    """Whether a layer with weights has a bias."""
    return flag(True, help=f"Whether each {whose} adds a number of its own.")  # type: ignore[no-any-return]


def weight_initializer(what: str = "weights") -> str:
    """How a kernel is drawn."""
    return choice("glorot_uniform", registry.initializer_names, help=f"How the {what} are drawn before training.")  # type: ignore[no-any-return]


def bias_initializer() -> str:
    """How a bias is drawn."""
    return choice("zeros", registry.initializer_names, help="What the biases are before training.")  # type: ignore[no-any-return]


def l1() -> float:
    """Penalty on the sum of absolute weights."""
    return real(0.0, 0.0, 10.0, help="Penalty on the size of weights; pushes useless ones to exactly 0.", live=True, logarithmic=True)  # type: ignore[no-any-return]


def l2() -> float:
    """Penalty on the sum of squared weights."""
    return real(0.0, 0.0, 10.0, help="Penalty on the square of weights; keeps all of them small.", live=True, logarithmic=True)  # type: ignore[no-any-return]
