"""A folder that a web server lists, as a source for Storyline."""
