"""Storyline in Telegram: cards, buttons, commands and alerts for the team."""
