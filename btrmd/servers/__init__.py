"""Servers: the listeners through which people and machines see and command the station."""
