"""Keeping the token: which one counts now, and where it is stored, encrypted."""

from __future__ import annotations

import attrs

from storyline_core import NeedsPerson, Runtime
from storyline_instagram.faults import sign_in
from storyline_instagram.options import Instagram
from storyline_instagram.tokens import KEPT, RENEWED, Held, chosen, ended, fingerprint, latest, read_held, usable


class Custody:
    """One account's token. What is stored is read anew each time, since another process may have renewed it."""

    def __init__(self, settings: Instagram, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime

    @property
    def configured(self) -> str:
        """The token in the settings, or ""."""
        secret = self._settings.access_token
        return secret.reveal().strip() if secret is not None else ""

    def stored(self) -> Held | None:
        """What is stored, whether it counts or not. Raises `NeedsPerson` when no key opens it."""
        state = self._runtime.state
        return latest(self.configured, read_held(state.get(KEPT)), read_held(state.get(RENEWED)))

    def held(self) -> Held | None:
        """The token that counts, or None. A stored one that no key opens does not hinder one in the settings."""
        try:
            kept = self.stored()
        except NeedsPerson:
            if not self.configured:
                raise
            kept = None
        return chosen(self.configured, kept)

    def token(self) -> str:
        """The token for a call. Raises `NeedsPerson`, with the command to run, when there is none or it has ended."""
        name = self._runtime.name
        held = self.held()
        if held is None:
            raise NeedsPerson(f"No Instagram account is connected for {name}.", remedy=sign_in(name))
        if not usable(held.token):
            raise NeedsPerson(
                f"The access_token of {name} in the settings is no token: it is too short, or has blanks or other "
                "letters in it.",
                remedy=f"Paste it again in one piece, or take it out. {sign_in(name)}",
            )
        if ended(held, self._runtime.now()):
            raise NeedsPerson(f"The token of {name} has ended.", remedy=sign_in(name))
        return held.token

    def account_id(self) -> str:
        """The Instagram account's id: from the settings, or as login found it. Raises `NeedsPerson`."""
        if self._settings.account_id:
            return self._settings.account_id
        held, name = self.held(), self._runtime.name
        if held is None:
            raise NeedsPerson(f"No Instagram account is connected for {name}.", remedy=sign_in(name))
        kept = held if held.account_id else self.stored()
        if kept is None or not kept.account_id:
            raise NeedsPerson(f"It is not known which Instagram account {name} is.", remedy=sign_in(name))
        return kept.account_id

    def keep(self, held: Held, *, instead_of: Held | None = None) -> bool:
        """Store a token; it then outlives the one in the settings, until that is another one.

        With `instead_of` it is what has become of that one, and only counts while that one would: somebody may connect
        the account anew at any moment. Tells whether it was stored. Raises `NeedsPerson` without a key for stored
        secrets.
        """
        state, marked = self._runtime.state, attrs.evolve(held, configured=fingerprint(self.configured))
        if instead_of is None:
            state.set(KEPT, attrs.evolve(marked, of="").spelled())
            state.delete(RENEWED)
            return True
        current = self.held()
        if current is None or current.token != instead_of.token:
            return False
        state.set(RENEWED, attrs.evolve(marked, of=instead_of.of or fingerprint(instead_of.token)).spelled())
        return True

    def forget(self) -> None:
        """Forget what is stored."""
        for name in (KEPT, RENEWED):
            self._runtime.state.delete(name)
