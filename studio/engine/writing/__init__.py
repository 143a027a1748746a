"""Text that a network writes: plans and kernels for it, and who writes while training goes on."""
