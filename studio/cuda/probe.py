"""Which cards this machine has, found without anything of NVIDIA's but the driver, and why there may be none."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from dataclasses import dataclass

from studio.core.amounts import memory_words

#: Drivers before that of CUDA 12 know none of what compilers make now.
_OLDEST_DRIVER = 12000

NEEDS_PACKAGE = "Training on an NVIDIA card needs one more package: install layer-studio with the extra cuda12 or cuda13."
NO_DRIVER = "No NVIDIA driver was found: install it, or train on the processor."
SILENT_DRIVER = "The NVIDIA driver does not answer: restart the computer, or install the driver again."
NO_CARD = "No NVIDIA card was found: put one in, or train on the processor."
TOO_OLD = "The card {} is too old for training on it: use one from 2018 or later, or the processor."
#: Kinds of cards that numba-cuda compiles for; older ones cannot be used.
OLDEST = (7, 5)
#: What `cuDeviceGetAttribute` calls the two numbers of a card's compute capability.
_MAJOR, _MINOR = 75, 76


@dataclass(frozen=True)
class FoundCard:
    """A card as the driver describes it, which need not be opened for that.

    Parameters
    ----------
    number : int
        As the driver counts them, from 0 on; it counts only those that CUDA_VISIBLE_DEVICES allows.
    title : str
        For people, such as ``NVIDIA RTX A2000``.
    capability : (int, int)
        Its compute capability, such as (9, 0) for Hopper.
    bytes : int
        Of its memory, whether free or not.
    """

    number: int
    title: str
    capability: tuple[int, int]
    bytes: int

    @property
    def key(self) -> str:
        """How it is named on the command line, such as ``cuda:1``."""
        return f"cuda:{self.number}"

    @property
    def words(self) -> str:
        """Its title and its memory, such as ``NVIDIA RTX A2000, 6.2 GB``."""
        return f"{self.title}, {memory_words(self.bytes)}"

    @property
    def problem(self) -> str:
        """Why it cannot be used, in a sentence with the remedy; empty if it can."""
        return TOO_OLD.format(self.title) if self.capability < OLDEST else ""


@dataclass(frozen=True)
class Cards:
    """What the driver knows.

    Parameters
    ----------
    found : tuple of FoundCard
        All of them, also those that cannot be used; a card's place is its number.
    problem : str
        Why there is none that can be used, in a sentence with the remedy; empty if there is one.
    """

    found: tuple[FoundCard, ...] = ()
    problem: str = ""

    def pick(self, wanted: int | None) -> int:
        """Number of the card to use.

        Parameters
        ----------
        wanted : int or None
            The number that was chosen; it need not be there any more. None for no choice.

        Returns
        -------
        int
            `wanted` if there is such a card; otherwise the first that can be used, 0 if none can.
        """
        if wanted is not None and 0 <= wanted < len(self.found):
            return wanted
        return next((card.number for card in self.found if not card.problem), 0)

    def listed(self) -> str:
        """All cards in one row, such as ``cuda:0 (NVIDIA A, 24.0 GB) and cuda:1 (NVIDIA B, 8.1 GB)``."""
        each = [f"{card.key} ({card.words})" for card in self.found]
        return " and ".join(filter(None, (", ".join(each[:-1]), *each[-1:])))


def cards(driver: ctypes.CDLL | None = None) -> Cards:
    """Ask the driver for its cards.

    Parameters
    ----------
    driver : ctypes.CDLL or None
        None for that of this machine.
    """
    if driver is None:
        try:
            driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        except OSError:
            return Cards(problem=NO_DRIVER)
    if driver.cuInit(0) != 0:
        return Cards(problem=SILENT_DRIVER)
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    if driver.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value < _OLDEST_DRIVER:
        found = f"{version.value // 1000}.{version.value % 1000 // 10}"
        return Cards(problem=f"The NVIDIA driver is too old (for CUDA {found}): install one for CUDA 12 or later.")
    if driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return Cards(problem=NO_CARD)
    all_cards = tuple(_card(driver, number) for number in range(count.value))
    return Cards(all_cards, all_cards[0].problem if all(card.problem for card in all_cards) else "")


def _card(driver: ctypes.CDLL, number: int) -> FoundCard:
    """What the driver says of one card; what it does not say is empty, which the card is not to be used with."""
    device, name, memory = ctypes.c_int(0), ctypes.create_string_buffer(128), ctypes.c_size_t(0)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, 128, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    capability = []
    for attribute in (_MAJOR, _MINOR):
        value = ctypes.c_int(0)
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        capability.append(value.value)
    return FoundCard(number, name.value.decode(errors="replace"), (capability[0], capability[1]), memory.value)


def has_package() -> bool:
    """Whether what compiles kernels for cards is installed."""
    return importlib.util.find_spec("numba_cuda") is not None


def why_not() -> str:
    """One sentence that says why no card can be used; empty if one can."""
    return cards().problem or ("" if has_package() else NEEDS_PACKAGE)
