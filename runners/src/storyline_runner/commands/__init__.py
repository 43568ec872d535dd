"""The commands, by what they are about. Each opens Storyline, asks it for one thing and shows the answer."""
