"""Pure decisions: state, inputs, settings, commands and time in; what to do out."""
