"""The words of the trade: points, readings, settings, commands, events. Imports nothing above it."""
