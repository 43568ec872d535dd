"""The steps: each reads, decides by a pure function, and writes; one transaction per decision.

No plugin is called while a transaction is open. Every step takes plain ids and values and returns a frozen value.
"""
