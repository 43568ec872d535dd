"""The `storyline` command and its daemon: thin hands on `storyline_core`, which does the work."""
