"""Documents made from the tables of the model: MIB, points, settings, alarms."""
