"""The `storyline` command and its daemon."""
