"""Numbers of the places in a thread's state: what changes from step to step.

The state is an array of 64-bit integers, one array a thread. Addresses are absolute.
"""

from __future__ import annotations

#: Minibatches trained since the start of the run; keys the random numbers.
STEP = 0
#: First sample of this minibatch in the epoch's order.
POSITION = 1
#: Passes through the data so far.
EPOCH = 2
#: Address of the order of the samples (int64).
ORDER = 3
#: Number of samples in the data set.
SAMPLES = 4
#: Samples in a full minibatch, all threads together.
BATCH = 5
#: This thread's number, and how many there are.
THREAD = 6
THREADS = 7
#: Samples in a full shard (a thread's part of the minibatch).
SHARD = 8
#: Real samples in this step's minibatch, and in this thread's shard of it.
TOTAL = 9
VALID = 10
#: First sample of this thread's shard in the epoch's order.
FIRST = 11
#: Seed of the run.
SEED = 12
#: Whether the order is shuffled at the start of each epoch.
SHUFFLE = 13
#: Address of the barrier's counter, how often this thread passed it, and ``sched_yield``.
BARRIER = 14
PASSED = 15
YIELD = 16
#: Address of a shared int64: the number, from 1, of the step whose loss is not finite; else 0.
FAILED = 17
#: Address of this thread's float64 sums (see `SUMS`).
SUMS = 18
#: How many minibatches to run, and how many were run.
STEPS = 19
DONE = 20
#: Addresses of X and Y of up to eight data sets, in pairs.
ARRAYS = 22
MOST_ARRAYS = 8

#: For a timed run: address of this thread's ticks (int64, one number a call), and of ``clock_gettime``
#: with the number of the clock where the processor has no counter to read; else 0.
TICKS = ARRAYS + 2 * MOST_ARRAYS
CLOCK = TICKS + 1
CLOCK_KIND = TICKS + 2

#: By array, in the places of `ARRAYS`: address of the form of samples that are on the disk
#: (see `studio.kernels.stored`); 0 for those in memory.
FORMS = CLOCK_KIND + 1

#: For a card: 1 once a loss was not finite, so that the calls that are still to come do nothing.
HALTED = FORMS + 2 * MOST_ARRAYS

STATE_LENGTH = HALTED + 1

#: A loss's float64 sums: loss, right answers, samples. Losses follow each other.
SUMS_PER_LOSS = 4
MOST_LOSSES = 16
#: Where the penalty on weights is summed, and how many steps it was.
PENALTY_SUM = SUMS_PER_LOSS * MOST_LOSSES
PENALTY_STEPS = PENALTY_SUM + 1
SUMS_LENGTH = PENALTY_SUM + 8
