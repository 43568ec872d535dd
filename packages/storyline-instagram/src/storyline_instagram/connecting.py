"""Connecting an account, validated before anything is stored; how it stands; what it may still do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import attrs

from storyline_core import NeedsPerson, PluginFault
from storyline_instagram.allowance import Allowance, read_quota
from storyline_instagram.asking import Reachable, accounts_of, can_exchange, exchange, look, username_of
from storyline_instagram.custody import Custody
from storyline_instagram.faults import Reach, Remedy, sign_in
from storyline_instagram.graph import Graph, GraphFault
from storyline_instagram.options import Instagram, Login
from storyline_instagram.tokens import Held, TokenKind, usable
from storyline_instagram.usage import Quota, Usage, Wait

SHORT = timedelta(days=2)
"""A token that ends sooner than this is a short-lived one, to be exchanged."""

_FINDING = "pages_show_list"


@attrs.frozen
class Tried:
    """A token that works, before it is stored, and the Instagram accounts that it reaches."""

    held: Held
    accounts: tuple[Reachable, ...]


@attrs.frozen
class Limits:
    """What an account may still do. `refused` is why Meta did not tell the quota; `block` a restriction."""

    quota: Quota | None
    usage: Usage | None
    containers: int
    wait: Wait | None
    block: Wait | None = None
    refused: str = ""


@attrs.frozen
class Standing:
    """How a connected account stands: the token with what Meta tells of it now, and the account's limits.

    `missing` are permissions that publishing needs. `renewed`: the token is renewed by itself; `stored`: it is the
    stored one, not the one in the settings. `at` is when this was asked.
    """

    login: Login
    account_id: str
    username: str
    held: Held
    missing: tuple[str, ...]
    limits: Limits
    stored: bool
    renewed: bool
    at: datetime


class Connecting:
    """Connects one account, and tells how it stands."""

    def __init__(
        self,
        name: str,
        settings: Instagram,
        graph: Graph,
        custody: Custody,
        allowance: Allowance,
        now: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._settings = settings
        self._graph = graph
        self._custody = custody
        self._allowance = allowance
        self._now = now

    @property
    def login(self) -> Login:
        """By which login the account is reached."""
        return self._settings.login

    @property
    def exchanges(self) -> bool:
        """Whether the settings have what turns a short-lived token into one that lasts."""
        return can_exchange(self._settings)

    def try_out(self, pasted: str, *, lasting: bool = False) -> Tried:
        """Try a token that somebody pasted, exchange it for one that lasts, and find the accounts it reaches.

        `lasting` says that an Instagram Login token is long-lived already, where that cannot be found out. Nothing is
        stored. Raises `NeedsPerson` with what to do, `Unavailable` when Meta has trouble.
        """
        token = "".join(pasted.split())
        if not usable(token):
            raise NeedsPerson("This is no token: it is too short, or has other letters in it. Nothing was stored.")
        now = self._now()
        try:
            if self.login is Login.INSTAGRAM:
                held = self._instagram(Held(token), lasting, now)
                found = [Reachable(held.account_id, held.username)] if held.account_id else []
            else:
                held = self._facebook(look(self._graph, self._settings, Held(token), now), now)
                found = accounts_of(self._graph, held)
        except GraphFault as fault:
            raise self._not_accepted(fault) from None
        self._must_be_allowed(held)
        return Tried(held, self._of_settings(found))

    def keep(self, tried: Tried, account_id: str) -> Standing:
        """Store what was tried, for one of its accounts; nothing is stored unless that one answers.

        Raises `NeedsPerson` with what to do.
        """
        account = next(each for each in tried.accounts if each.account_id == account_id)
        held = self._of_page(tried.held, account)
        try:
            username = username_of(self._graph, account_id, held.token) or account.username
        except GraphFault as fault:
            raise fault.as_core(f"looking at the account {account_id}") from None
        before = self.account_before()
        self._custody.keep(attrs.evolve(held, account_id=account_id, username=username))
        if before and before != account_id:
            self._allowance.forget()
        return self.standing()

    def account_before(self) -> str:
        """The id of the account that is connected until now, or nothing."""
        try:
            kept = self._custody.stored()
        except NeedsPerson:
            return self._settings.account_id
        return self._settings.account_id or (kept.account_id if kept is not None else "")

    def standing(self) -> Standing:
        """Ask Meta how the account stands. Raises what is wrong with the token."""
        account_id = self._custody.account_id()
        self._custody.token()
        held = self._custody.held()
        if held is None:
            raise NeedsPerson(f"No Instagram account is connected for {self._name}.", remedy=sign_in(self._name))
        try:
            seen = look(self._graph, self._settings, held, self._now())
            username = username_of(self._graph, account_id, held.token)
        except GraphFault as fault:
            raise fault.as_core(f"asking about {self._name}") from None
        limits = self.limits()
        missing = self._missing(seen, limits)
        stored = self._custody.held() == self._stored()
        return Standing(
            self.login,
            account_id,
            username or seen.username,
            seen,
            missing,
            limits,
            stored=stored,
            renewed=seen.kind.renewable and (self.login is Login.INSTAGRAM or self.exchanges),
            at=self._now(),
        )

    def limits(self) -> Limits:
        """What the account may still do. Raises what is wrong with the token, or `Unavailable`."""
        quota, refused = None, ""
        account_id = self._custody.account_id()
        try:
            quota = read_quota(self._graph, account_id)
        except GraphFault as fault:
            error = fault.as_core("asking for the publishing limit")
            if fault.remedy in (Remedy.SIGN_IN, Remedy.AGAIN):
                raise error from None
            refused = str(error)
        usage, containers = self._allowance.usage, len(self._allowance.containers)
        return Limits(quota, usage, containers, self._allowance.wait(quota), self._allowance.block, refused)

    def try_again(self) -> None:
        """Forget that Instagram had restricted the account."""
        self._allowance.try_again()

    def _instagram(self, held: Held, lasting: bool, now: datetime) -> Held:
        seen = look(self._graph, self._settings, held, now)
        if not self.exchanges:
            if not lasting:
                raise NeedsPerson(
                    "Without app_secret in the settings nobody can tell whether this token lasts. Nothing was stored.",
                    remedy="Set app_secret, or say --lasting if the Meta app's dashboard generated the token.",
                )
            return seen
        try:
            return exchange(self._graph, self._settings, seen, now)
        except GraphFault as fault:
            # A token that the dashboard generated lasts already, and such a one is not exchanged.
            if fault.fault.reach is not Reach.ANSWERED or fault.remedy in (Remedy.AGAIN, Remedy.LATER, Remedy.PERSON):
                raise
            return seen

    def _facebook(self, seen: Held, now: datetime) -> Held:
        if seen.kind is TokenKind.PAGE or seen.ends_at is None:
            return seen
        if self.exchanges:
            return exchange(self._graph, self._settings, seen, now)
        if seen.ends_at - now < SHORT:
            minutes = max(0, (seen.ends_at - now) // timedelta(minutes=1))
            raise NeedsPerson(
                f"This token ends in {minutes} minutes, and without app_id and app_secret in the settings it cannot be "
                "exchanged for one that lasts. Nothing was stored.",
                remedy="Set both: they stand in the Meta app under App settings, Basic.",
            )
        return seen

    def _of_page(self, held: Held, account: Reachable) -> Held:
        """The Page's own token, which has no end, instead of a person's that lasts sixty days."""
        if held.kind is not TokenKind.USER or not account.page_token:
            return held
        try:
            own = look(self._graph, self._settings, Held(account.page_token), self._now())
        except GraphFault:
            return held
        longer = own.ends_at is None or (held.ends_at is not None and own.ends_at >= held.ends_at)
        return own if longer and not self._lacking(own) else held

    def _must_be_allowed(self, held: Held) -> None:
        if lacking := self._lacking(held):
            raise NeedsPerson(
                f"This token may not do what publishing needs: {', '.join(lacking)}. Nothing was stored.",
                remedy="Make a new token and tick these permissions.",
            )

    def _lacking(self, held: Held) -> tuple[str, ...]:
        # Listing Pages is needed only to find the account by a person's token.
        finds = held.kind is TokenKind.USER
        return tuple(each for each in held.missing(self.login) if finds or each != _FINDING)

    def _of_settings(self, found: Sequence[Reachable]) -> tuple[Reachable, ...]:
        wanted = self._settings.account_id
        kept = tuple(each for each in found if not wanted or each.account_id == wanted)
        if kept:
            return kept
        if found:
            told = ", ".join(f"@{each.username} ({each.account_id})" for each in found)
            raise NeedsPerson(
                f"This token does not reach the account {wanted} of the settings, but {told}. Nothing was stored.",
                remedy="Correct account_id, or make the token with the right account.",
            )
        if self.login is Login.INSTAGRAM:
            raise NeedsPerson("Instagram did not say whose token this is. Nothing was stored.")
        raise NeedsPerson(
            "This token reaches no Instagram account. Nothing was stored.",
            remedy=(
                "The account must be a professional one and linked to a Facebook Page, and both must be ticked when "
                "the token is made."
            ),
        )

    def _not_accepted(self, fault: GraphFault) -> PluginFault:
        if fault.remedy is Remedy.SIGN_IN:
            return NeedsPerson(
                f"Meta does not accept this token ({fault.fault.spelled}). Nothing was stored.",
                remedy="Make a new one and paste it whole. It must come from the app of the settings.",
            )
        return fault.as_core("trying the token")

    def _missing(self, seen: Held, limits: Limits) -> tuple[str, ...]:
        lacking = self._lacking(seen)
        if not seen.scopes and limits.refused:
            # Instagram Login does not list permissions; what the limit was refused for tells as much.
            return ("instagram_business_content_publish",)
        return lacking

    def _stored(self) -> Held | None:
        try:
            return self._custody.stored()
        except NeedsPerson:
            return None
