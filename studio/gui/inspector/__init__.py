"""The inspector: everything about the selected layer, as a form and as live pictures."""
