"""The state machines: each one's state, and its step by one scan."""
