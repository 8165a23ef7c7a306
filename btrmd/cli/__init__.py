"""The command line: everything a person or a script at the machine can do."""
