"""Light units in number: the publisher and the metrics of btrmd over simulated points."""
