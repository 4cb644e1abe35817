"""The command line and the engine runs, without an engine."""
