"""The words of the trade: points, readings, settings, commands, events; nothing above."""
