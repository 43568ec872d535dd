"""Switching: what people turn on and off while Storyline runs, each with a record of who did."""

from __future__ import annotations

from datetime import datetime

from storyline_core.store import RunStatus, Store, Unit


def switch_account(store: Store, account: str, now: datetime, *, by: str, **fields: bool) -> None:
    """Set switches of an account: `paused`, `reminders_off`, `quiet_off`. One that stands so already is left alone."""
    with store.begin() as unit:
        state = unit.accounts.lock(account)
        news = {name: on for name, on in fields.items() if getattr(state, name) != on}
        if news:
            unit.accounts.save(account, **news)
            _write_down(unit, account, news, now, by)


def switch_source(store: Store, source: str, now: datetime, *, by: str, paused: bool) -> None:
    """Switch a source off or on."""
    with store.begin() as unit:
        if unit.sources.get(source).paused != paused:
            unit.sources.set_paused(source, paused)
            _write_down(unit, source, {"paused": paused}, now, by)


def claim_digest(store: Store, account: str, due: datetime) -> bool:
    """Take the right to tell the digest of this moment. True once, whoever asks."""
    with store.begin() as unit:
        told = unit.accounts.lock(account).digested_at
        if told is not None and told >= due:
            return False
        unit.accounts.save(account, digested_at=due)
        return True


def return_digest(store: Store, account: str, due: datetime) -> None:
    """Give that right back."""
    with store.begin() as unit:
        if unit.accounts.lock(account).digested_at == due:
            unit.accounts.save(account, digested_at=None)


def _write_down(unit: Unit, subject: str, news: dict[str, bool], now: datetime, by: str) -> None:
    run = unit.runs.start("switch", subject, triggered_by="user", user=by, input=dict(news), at=now)
    unit.runs.finish(run, RunStatus.COMPLETED, at=now)
