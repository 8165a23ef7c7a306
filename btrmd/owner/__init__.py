"""The owner: the one loop that has the board, feeds the core and carries out what it decides."""
