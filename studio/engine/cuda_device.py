"""Plans on a graphics card: its memory, and the calls of a step as launches.

A plan is the processor's for one thread. Its record, table and state lie on the card; only the state
and the sums of losses are copied, before and after a run of many minibatches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.core.dataset import Samples
from studio.cuda.card import Card, CardProblem, Launch
from studio.engine.arena import SharedSpace, aligned
from studio.engine.binding import numbers_for
from studio.engine.costs import cost_of
from studio.engine.cpu_device import aligned_array, runner_of
from studio.engine.device import BoundPlan, Runner
from studio.engine.plan import CALL_HEADER, Call, Plan
from studio.kernels import control, state
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel
from studio.kernels.sharing import outer
from studio.kernels.simd import LANES

#: Vectors of numbers that a group goes through at least, before another group is worth its start.
_VECTORS = 4
#: Bytes of data sets that stay on the card while others are looked at.
KEPT_BYTES = 1 << 31
#: Places of a plan's state that have the addresses of its arrays.
_ARRAYS = slice(state.ARRAYS, state.ARRAYS + 2 * state.MOST_ARRAYS)


class CardFloats:
    """The arena of a card: slices and places can be read, which copies, and assigned to.

    Parameters
    ----------
    card : Card
    address : int
        Where the first one lies.
    count : int
    """

    def __init__(self, card: Card, address: int, count: int) -> None:
        self._card, self.address, self._count = card, address, count

    def __getitem__(self, place: slice | np.ndarray) -> np.ndarray:
        if isinstance(place, np.ndarray):
            if not place.size:
                return np.zeros(place.shape, np.float32)
            first = int(place.min())
            return np.asarray(self[first : int(place.max()) + 1][place - first])
        begin, end, _ = place.indices(self._count)
        found = np.empty(max(0, end - begin), np.float32)
        if len(found):
            self._card.get(self.address + 4 * begin, found)
        return found

    def __setitem__(self, place: slice | int, numbers: Any) -> None:
        begin, end, _ = place.indices(self._count) if isinstance(place, slice) else (place, place + 1, 1)
        if end > begin:
            self._card.put(self.address + 4 * begin, np.ascontiguousarray(np.broadcast_to(np.asarray(numbers, np.float32), (end - begin,))))


@dataclass(eq=False)
class _Side:
    """What a plan has on the card beside the arena: addresses, and what the launches of a step became.

    Parameters
    ----------
    block : numpy.ndarray
        int64: state, sums, and the number of the step that failed; the same as what is at `state`.
    record, table, state : int
    """

    block: np.ndarray
    record: int
    table: int
    state: int
    prepared: Any = None
    order: int = 0
    #: Samples that there is room for the order of, and what the order is that of.
    order_room: int = 0
    ordered: tuple[int, ...] = ()
    #: Minibatches that are to run with a clock; those that did, and microseconds of their launches together.
    to_time: int = 0
    timed: int = 0
    taken: np.ndarray | None = None


class CudaDevice:
    """One arena on a card, and the plans bound to it (see `studio.engine.device.Device`).

    Parameters
    ----------
    space : SharedSpace
        Complete: all plans that share it are built.
    plans : sequence of Plan
    card : Card
    kept : iterable of numpy.ndarray
        Arrays that are run over again and again, and so stay on the card where there is room; others go
        as soon as no plan runs over them.

    Raises
    ------
    studio.cuda.card.CardProblem
        When the card has no room, or fails.
    """

    name = "cuda"

    def __init__(self, space: SharedSpace, plans: Sequence[Plan], card: Card, kept: Iterable[Samples] = ()) -> None:
        self._card = card
        self._kept = {id(array): array for array in kept}
        #: Addresses of all memory that was taken.
        self._taken: set[int] = set()
        shared = aligned(space.size)
        count = shared + sum(aligned(plan.private_floats) for plan in plans)
        self.bytes = 4 * count
        self.arena = CardFloats(card, self._take(self.bytes), count)
        self.failed = False
        self._data: dict[int, tuple[np.ndarray, int]] = {}
        self._shuffle = runner_of(control.shuffle)
        self.plans: list[BoundPlan] = []
        self._sides: dict[int, _Side] = {}
        base = shared
        try:
            for plan in plans:
                self.plans.append(self._bind(plan, base))
                base += aligned(plan.private_floats)
        except CardProblem:
            self.close()
            raise

    @property
    def card(self) -> Card:
        """The card that it is on."""
        return self._card

    def close(self) -> None:
        """Give the card's memory back, if it can still take it."""
        sides, self._sides, self._data = self._sides, {}, {}
        with contextlib.suppress(CardProblem):
            for side in sides.values():
                if side.prepared is not None:
                    self._card.forget(side.prepared)
            while self._taken:
                self._card.release(self._taken.pop())

    def _take(self, count: int) -> int:
        """Memory of the card, until `close` or `_release`."""
        address = self._card.allocate(count)
        self._taken.add(address)
        return address

    def _release(self, address: int) -> None:
        self._taken.remove(address)
        self._card.release(address)

    # Numbers for places ------------------------------------------------------------------

    def _bind(self, plan: Plan, base: int) -> BoundPlan:
        (record,) = numbers_for(plan, [base], [0] * len(plan.calls))
        table = np.ascontiguousarray(plan.table, np.int64)
        # State, sums and the number of the step that failed, in one block, which is copied as a whole.
        sums_at, failed_at = state.STATE_LENGTH, state.STATE_LENGTH + state.SUMS_LENGTH
        block = aligned_array(failed_at + 1, np.int64)
        one, sums = block[:sums_at], block[sums_at:failed_at].view(np.float64).reshape(1, -1)
        side = _Side(block, self._take(record.nbytes), self._take(table.nbytes), self._take(block.nbytes))
        self._card.put(side.record, record)
        if table.nbytes:
            self._card.put(side.table, table)
        one[state.THREADS] = 1
        one[state.SHARD] = plan.shard
        one[state.SUMS] = side.state + 8 * sums_at
        one[state.FAILED] = side.state + 8 * failed_at
        bound = BoundPlan(plan, 1, [record], table, [one], sums, bases=[base])
        self._sides[id(bound)] = side
        side.prepared = self._card.prepare(list(self._launches(plan, side)))
        return bound

    def _launches(self, plan: Plan, side: _Side) -> Iterable[Launch]:
        def launch(kernel: Kernel, vectors: int, place: int, blocks: int = 0) -> Launch:
            # As many blocks as the call says where the kernel has blocks, one group where it has no loops to share.
            shared = blocks > 0 or shares(kernel)
            groups = blocks or (min(self._card.most_groups, max(1, vectors // _VECTORS)) if shared else 1)
            arguments = self.arena.address, side.record + 8 * place, side.table, side.state
            return Launch(kernel, groups, arguments, shared, vectors)

        yield launch(control.begin_step, 1, 0)
        place = 1
        for call in plan.calls:
            if is_launched(call):
                cost = cost_of(call, plan)
                blocks = blocks_of(call) if call.kernel.blocks is not None else 0
                vectors = int(max(cost.operations, cost.traffic / 4) // LANES)
                if not cost.known:  # a live number may say whether there is much to do
                    vectors = _VECTORS * self._card.most_groups
                yield launch(call.kernel, vectors, place, blocks)
            place += CALL_HEADER + len(call.arguments)
        yield launch(control.end_step, 1, 0)

    def feed(self, bound: BoundPlan, arrays: Sequence[Samples], samples: int, shuffle: bool, seed: int) -> None:
        """Say which samples a plan runs over; see `Device`."""
        one, side = bound.states[0], self._sides[id(bound)]
        one[_ARRAYS] = 0  # what it ran over may go
        if samples > side.order_room:
            if side.order_room:
                self._release(side.order)
            side.order, side.order_room = self._take_first(8 * samples, arrays), samples
            side.ordered = ()
        one[state.ORDER] = side.order
        one[state.SAMPLES] = samples
        one[state.SHUFFLE] = int(shuffle)
        one[state.SEED] = seed
        for i, array in enumerate(arrays):
            one[state.ARRAYS + i] = self._on_card(array, arrays)

    def _on_card(self, array: Samples, others: Sequence[Samples]) -> int:
        """Address of an array's numbers on the card; copies them if they are not there."""
        if id(array) not in self._data:
            numbers = np.ascontiguousarray(array, np.float32)
            self._make_room(KEPT_BYTES - numbers.nbytes, others)
            address = self._take_first(numbers.nbytes, others)
            if numbers.nbytes:
                self._card.put(address, numbers)
            # The array is kept, so that its id stays its own.
            self._data[id(array)] = array, address  # type: ignore[assignment]
        return self._data[id(array)][1]

    def _take_first(self, count: int, needed: Sequence[Samples]) -> int:
        """Memory of the card, which goes before arrays that are only there to spare a copy later."""
        try:
            return self._take(count)
        except CardProblem:
            self._make_room(0, needed)
            return self._take(count)

    def _make_room(self, most: int, needed: Sequence[Samples]) -> None:
        """Give up arrays that no plan runs over: those that are not kept, and the oldest until `most` bytes are left."""
        fed = {int(address) for bound in self.plans for address in bound.states[0][_ARRAYS] if address}
        used = {key for key, (_, address) in self._data.items() if address in fed} | {id(array) for array in needed}
        held = sum(array.nbytes for array, _ in self._data.values())
        for key in [k for k in self._data if k not in used]:
            if key in self._kept and held <= most:
                continue
            array, address = self._data.pop(key)
            held -= array.nbytes
            self._release(address)

    # Running -----------------------------------------------------------------------------

    def run(self, bound: BoundPlan, steps: int, runner: Runner | None = None) -> int:
        """Run minibatches; see `Device`. `runner` is the processor's, and is not used."""
        one, side = bound.states[0], self._sides[id(bound)]
        done, self.failed = 0, False
        while done < steps and not self.failed:
            self._arrange(one, side)
            left = -(-(int(one[state.SAMPLES]) - int(one[state.POSITION])) // max(1, int(one[state.BATCH])))
            count = min(steps - done, max(1, left))
            one[state.DONE] = one[state.HALTED] = side.block[-1] = 0
            self._card.put(side.state, side.block)
            timed = self._run_timed(side, count)
            self._card.run(side.prepared, count - timed)
            self._card.get(side.state, side.block)
            self.failed = bool(side.block[-1])
            done += int(one[state.DONE])
        return done

    def is_settled(self, bound: BoundPlan) -> bool:
        """Whether it is known how the card runs a plan fastest, which it tries out on its first minibatches."""
        return self._card.is_settled(self._sides[id(bound)].prepared)

    def time_next(self, bound: BoundPlan, steps: int) -> None:
        """Have a plan's next minibatches run with a clock; otherwise they are minibatches like any other.

        Parameters
        ----------
        steps : int
            How many; `run` does them without a clock again after these.
        """
        side = self._sides[id(bound)]
        side.to_time, side.timed, side.taken = steps, 0, None

    def take_times(self, bound: BoundPlan, edges: bool = False) -> tuple[np.ndarray, int]:
        """What the calls took in the minibatches that ran with a clock since `time_next`, which then is over.

        Parameters
        ----------
        edges : bool
            Whether to tell of all launches: before the calls there is one that begins the minibatch, and
            after them one that ends it.

        Returns
        -------
        microseconds : numpy.ndarray
            A minibatch's mean, float64 ``(calls,)``: those of the plan's calls that `is_launched`, in their order.
            With `edges` ``(calls + 2,)``.
        steps : int
            How many minibatches ran with a clock.
        """
        side = self._sides[id(bound)]
        taken, steps = side.taken, side.timed
        side.to_time, side.timed, side.taken = 0, 0, None
        if taken is None:
            return np.zeros(sum(map(is_launched, bound.plan.calls)) + (2 if edges else 0)), 0
        return (taken if edges else taken[1:-1]) / steps, steps

    def _run_timed(self, side: _Side, most: int) -> int:
        """Run minibatches that are to be timed; how many there were, which is not more than `most`."""
        steps = min(side.to_time, most)
        for _ in range(steps):
            taken = self._card.time(side.prepared)
            side.taken = taken if side.taken is None else side.taken + taken
        side.to_time -= steps
        side.timed += steps
        return steps

    def _arrange(self, one: np.ndarray, side: _Side) -> None:
        """Put the order of the samples of this epoch on the card, if it is not there."""
        samples, shuffled = int(one[state.SAMPLES]), int(one[state.SHUFFLE])
        wanted = (samples, *([int(one[state.SEED]), int(one[state.EPOCH])] if shuffled else []))
        if side.ordered == wanted or not samples:
            return
        order = np.arange(samples, dtype=np.int64)
        if shuffled:
            here = one.copy()
            here[state.ORDER] = order.ctypes.data
            self._shuffle(0, 0, 0, here.ctypes.data)
        self._card.put(side.order, order)
        side.ordered = wanted


def is_launched(call: Call) -> bool:
    """Whether a card is asked for a call: its launches are one after the other, so that none has to wait in between."""
    return call.kernel is not control.barrier


def blocks_of(call: Call) -> int:
    """How many blocks of threads there are for a call of a kernel that has a text for them (`studio.kernels.jit.Blocks`)."""
    count = call.arguments[0]
    assert isinstance(count, int)
    return count


def shares(kernel: Kernel) -> bool:
    """Whether groups can share a kernel's loops."""
    known = kernel.function.__globals__
    used = [known.get(name) for name in kernel.function.__code__.co_names]
    return any(one is range or one is outer for one in used)


def to_compile(card: Card, kernels: Iterable[Kernel]) -> list[Wanted]:
    """What a network on a card needs compiled: its kernels for the card, and what arranges the samples here."""
    seen = {id(k): k for k in (*kernels, control.begin_step, control.end_step) if k not in (control.run, control.barrier)}
    return [control.shuffle, *card.kernels(list(seen.values()))]
