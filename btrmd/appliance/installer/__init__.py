"""The installer of a signed update: copied out of the package and run in a unit of its own.

Standard library only, and relative imports only: it must run while dpkg replaces the package it
came with, and after a power cut in the middle of that.
"""
