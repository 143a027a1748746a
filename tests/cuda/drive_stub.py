"""Drives a card through `cuda.bindings`, whose driver is `stub_driver.c`; run by `test_bindings`."""

from __future__ import annotations

import numpy as np

from studio.cuda.card import Launch
from studio.cuda.code import CardKernel
from studio.cuda.driver import DriverCard
from studio.kernels import control
from studio.kernels.cache import Code


def _code(kernel: CardKernel) -> Code:
    return Code(kernel.kernel.name, "", b"code of " + kernel.kernel.name.encode() + b"\0")


CardKernel.key = "0" * 64  # type: ignore[assignment]
CardKernel.take = _code  # type: ignore[method-assign, assignment]

card = DriverCard()
print(card.identity, card.most_groups, card.free_bytes())
address = card.allocate(64)
numbers = np.arange(8, dtype=np.float32)
card.put(address + 32, numbers)
found = np.ones(16, np.float32)
card.get(address, found)
assert list(found) == [0.0] * 8 + list(numbers)
# Addresses take all of 64 bits.
ready = card.prepare([Launch(control.gather, 100, (0x1111222233334444, (1 << 63) + 5, 3, 4), True, 50)])
card.run(ready, 17)
print(card.time(ready).tolist())
card.forget(ready)
card.release(address)
card.close()
