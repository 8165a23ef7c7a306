"""The capacity test: its state, the order of its phases, the checks before it, the discharge."""
