"""The run-time estimate: pure arithmetic on the curve of a discharge."""
