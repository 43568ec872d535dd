"""Keys: whether what plugins keep encrypted can be opened, and its change from one key to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from storyline_core.errors import NeedsPerson
from storyline_core.health import Check, Status, counted, here_alone
from storyline_core.settings import Settings
from storyline_core.store import KeptSecret, OpenedBy, RunStatus, Store, Vault

MAKE_ONE = "Make one with `storyline secrets new`, keep it safe, and set it as STORYLINE_SECRET_KEY or under [secrets]."


def vault_of(settings: Settings) -> Vault:
    """The vault with the keys that the settings name. Raises `NeedsPerson` for a key that is too short."""
    return Vault(settings.secret_key.reveal() if settings.secret_key else None)


def kept(store: Store, settings: Settings) -> Sequence[KeptSecret]:
    """What plugins keep, and which key opens it."""
    vault = vault_of(settings)
    with store.read() as unit:
        return unit.secrets.kept(vault)


def rotate(store: Store, settings: Settings, clock: Callable[[], datetime], *, user: str | None = None) -> int:
    """Encrypt everything anew with the first of the keys, in one transaction; how much there was.

    Raises `NeedsPerson`, with nothing changed, where no key is set or none of them opens something.
    """
    vault, now = vault_of(settings), clock()
    if vault.locked:
        raise NeedsPerson("There is no key for stored secrets.", remedy=MAKE_ONE)
    with store.begin() as unit:
        count = unit.secrets.reseal(vault)
        run = unit.runs.start("rotate", triggered_by="cli", user=user, at=now)
        unit.runs.finish(run, RunStatus.COMPLETED, result={"resealed": count}, at=now)
    return count


def check_keys(store: Store, settings: Settings, host: str) -> Check:
    """Whether everything that plugins keep encrypted can be opened with the keys that are set on this `host`."""
    alert = here_alone("health/secrets", host)
    try:
        secrets = kept(store, settings)
    except NeedsPerson as error:
        return Check("secrets", Status.UNHEALTHY, str(error).removesuffix(error.remedy).rstrip(), error.remedy)
    locked = settings.secret_key is None
    if locked and not secrets:
        return Check("secrets", Status.HEALTHY, "nothing is kept encrypted, and no key is set", "")
    lost = [each for each in secrets if each.opened_by is OpenedBy.NONE]
    if lost:
        owners = ", ".join(dict.fromkeys(each.owner for each in lost))
        what = "no key is set for" if locked else "no key that is set opens"
        message = f"{what} what {owners} {'keeps' if len({each.owner for each in lost}) == 1 else 'keep'}"
        remedy = "Set the key it was encrypted with (STORYLINE_SECRET_KEY or [secrets]), or sign in there anew."
        return Check("secrets", Status.UNHEALTHY, message, remedy, alert)
    former = sum(each.opened_by is OpenedBy.FORMER for each in secrets)
    if former:
        message = f"{former} of {counted(len(secrets), 'secret')} still need the former key"
        return Check("secrets", Status.DEGRADED, message, "storyline secrets rotate", alert)
    return Check("secrets", Status.HEALTHY, f"{counted(len(secrets), 'secret')} kept encrypted; the key opens all", "")
