"""How fast the engine is on fixed workloads, beside other libraries and beside the window."""
