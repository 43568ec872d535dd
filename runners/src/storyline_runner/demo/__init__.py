"""`storyline demo`: the main job with nothing configured, played through in a folder of its own."""
