"""Storyline on one machine: a folder as a source, a folder as an outbox, the terminal as the team."""
