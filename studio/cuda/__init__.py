"""The kernels on NVIDIA cards: the same texts as on the processor, with threads for lanes.

A kernel of `studio.kernels` is written for vectors of `LANES` numbers. On a card a group of `LANES`
neighbouring threads of a warp is the vector: each thread holds one lane (`studio.cuda.device`). What
a kernel calls is put in the place of the processor's building blocks by name (`translation`), so that
plans, tables, layouts and the maths are those of the processor. A kernel that would be too slow in this way
has a second text, for blocks of threads with shared memory (`studio.kernels.jit.Blocks`), in words of its own
(`studio.cuda.blocks`); it must give what the kernel's first text gives. In the simulator, which needs no card,
the building blocks are Python (`studio.cuda.simulated`).
"""
