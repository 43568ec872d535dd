"""Looking after a token by itself: asked about once a day, renewed in time, and people told before it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from storyline_core import Alert, AlertLevel, NeedsPerson, PluginFault
from storyline_instagram.asking import look, renew
from storyline_instagram.custody import Custody
from storyline_instagram.faults import Remedy, sign_in
from storyline_instagram.graph import Graph, GraphFault
from storyline_instagram.options import Instagram
from storyline_instagram.tokens import Held, dead, ended, renewal_due, token_alerts

LOOKED_EVERY = timedelta(days=1)


class Care:
    """Looks after one account's token."""

    def __init__(
        self, name: str, settings: Instagram, graph: Graph, custody: Custody, now: Callable[[], datetime]
    ) -> None:
        self._name = name
        self._settings = settings
        self._graph = graph
        self._custody = custody
        self._now = now

    def maintain(self) -> list[Alert]:
        """Do what is due, and say what people should know of the token. Meta's faults are told, not raised."""
        try:
            held = self._custody.held()
            if held is None:
                told = f"No Instagram account is connected for {self._name}."
                return [Alert("token/none", AlertLevel.ERROR, told, sign_in(self._name))]
            self._custody.token()
        except NeedsPerson as error:
            return [_alert_of("token/dead", error)]
        return self._looked_after(held)

    def renew_now(self) -> Held:
        """Renew the token because a person wants it. Raises an error of the contract with what to do instead."""
        held = self._must_hold()
        now = self._now()
        if not held.kind.renewable:
            held = self._ask(held)
        if not renewal_due(held, now, asked=True):
            raise NeedsPerson(_not_renewable(held, now, self._name))
        try:
            younger = renew(self._graph, self._settings, held, now)
        except GraphFault as fault:
            raise fault.as_core("renewing the token") from None
        self._custody.keep(younger, instead_of=held)
        return younger

    def _looked_after(self, held: Held) -> list[Alert]:
        now, why_not, alerts = self._now(), "", list[Alert]()
        try:
            held, why_not = self._seen(held, now)
            # What could not be stored would be lost, and the token that it came from may end with it.
            if not why_not and renewal_due(held, now):
                held = self._renewed(held, now)
        except NeedsPerson as error:
            # Without the app's secret nothing is renewed; the token still works.
            why_not = str(error)
        except GraphFault as fault:
            if fault.remedy is Remedy.SIGN_IN:
                return [dead(self._name, "is refused by Meta")]
            if fault.remedy in (Remedy.PERSON, Remedy.BLOCKED):
                alerts.append(_alert_of("token/refused", fault.as_core("looking after the token")))
            why_not = f"It could not be renewed by itself: {fault.as_core('renewing it')}"
        return [*alerts, *token_alerts(held, self._now(), self._name, why_not)]

    def _seen(self, held: Held, now: datetime) -> tuple[Held, str]:
        """The token as Meta knows it, asked once a day; and why that could not be stored, if it could not."""
        if held.looked_at is not None and abs(now - held.looked_at) < LOOKED_EVERY:
            return held, ""
        seen = look(self._graph, self._settings, held, now)
        try:
            self._custody.keep(seen, instead_of=held)
        except NeedsPerson as error:
            return seen, str(error)
        return seen, ""

    def _renewed(self, held: Held, now: datetime) -> Held:
        younger = renew(self._graph, self._settings, held, now)
        if ended(younger, now):
            younger = held
        younger = attrs.evolve(younger, renewed_at=now)
        self._custody.keep(younger, instead_of=held)
        return younger

    def _must_hold(self) -> Held:
        self._custody.token()
        held = self._custody.held()
        if held is None:
            raise NeedsPerson(f"No Instagram account is connected for {self._name}.", remedy=sign_in(self._name))
        return held

    def _ask(self, held: Held) -> Held:
        try:
            seen = look(self._graph, self._settings, held, self._now())
        except GraphFault as fault:
            raise fault.as_core("asking about the token") from None
        return seen


def _alert_of(key: str, error: PluginFault) -> Alert:
    remedy = error.remedy if isinstance(error, NeedsPerson) else ""
    return Alert(key, AlertLevel.ERROR, str(error).removesuffix(remedy).rstrip(), remedy)


def _not_renewable(held: Held, now: datetime, name: str) -> str:
    if held.ends_at is None:
        return f"The token of {name} has no end, so there is nothing to renew."
    if not held.kind.renewable:
        return f"A token of this kind ({held.kind}) is not renewed by itself. {sign_in(name)}"
    return f"The token of {name} is younger than a day; Instagram renews it after that. Nothing has changed."
