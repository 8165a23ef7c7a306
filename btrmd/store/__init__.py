"""The disk: settings, small files and the history. Imports model only."""
