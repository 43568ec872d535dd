"""`storyline instagram`, as a person on a headless machine uses it: connect, look, renew, tidy up."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.instagram.console import Console
from tests.instagram.graph_api import Account, GraphApi, Way

DAY = timedelta(days=1)


def short(api: GraphApi, account: Account, **more: object) -> str:
    kind = "user" if account.login == "facebook" else "instagram"
    return api.token(account, kind=kind, life=timedelta(hours=1), **more)  # type: ignore[arg-type]


def connected(console: Console, api: GraphApi, account: Account, **more: object) -> None:
    console.configure(account, **more)  # type: ignore[arg-type]
    console.done("instagram", "login", "brand", typed=short(api, account) + "\n")


def test_connecting_with_facebook_ends_with_a_page_token_that_lasts(
    console: Console, api: GraphApi, brand: Account
) -> None:
    console.configure(brand)
    said = console.done("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert f"account: @brand ({brand.id})" in said.out
    assert "token: page, has no end" in said.out
    assert "published: 0 of" in said.out
    told = console.done("instagram", "status", "brand", "--json").json()
    assert (told["account_id"], told["username"], told["missing_permissions"]) == (brand.id, "brand", [])
    assert told["token"] == {
        "kind": "page", "ends_at": None, "days_left": None, "end_is_assumed": False, "stored": True,
        "renewed_by_itself": False, "reads_until": told["token"]["reads_until"],  # type: ignore[index]
    }  # fmt: skip


def test_connecting_with_instagram_exchanges_the_short_token(console: Console, api: GraphApi, shop: Account) -> None:
    console.configure(shop)
    said = console.done("instagram", "login", "brand", typed=short(api, shop) + "\n")
    assert f"account: @shop ({shop.id})" in said.out
    assert "in 59 days; renewed by itself" in said.out
    assert api.count("token.exchange_instagram") == 1


def test_a_token_from_the_dashboard_lasts_already_and_is_taken_as_it_is(
    console: Console, api: GraphApi, shop: Account
) -> None:
    console.configure(shop)
    said = console.done("instagram", "login", "brand", typed=shop.token + "\n")
    assert "ends about on" in said.out
    console.configure(shop, app=False)
    refused = console("instagram", "login", "brand", typed=shop.token + "\n")
    assert refused.code == 1
    assert "--lasting" in refused.err
    console.done("instagram", "login", "brand", "--lasting", typed=shop.token + "\n")


def test_a_page_token_and_a_system_users_token_are_taken_as_they_are(
    console: Console, api: GraphApi, brand: Account
) -> None:
    console.configure(brand, app=False)
    for kind in ("page", "system"):
        token = api.token(brand, kind=kind, life=None)
        said = console.done("instagram", "login", "brand", typed=f" {token} \n")
        assert f"token: {kind}, has no end" in said.out


def test_without_the_apps_secret_a_short_token_is_not_stored(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand, app=False)
    said = console("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert said.code == 1
    assert re.search(r"ends in (59|60) minutes", said.err)
    assert "app_secret" in said.err
    assert console("instagram", "status", "brand").code == 1


@pytest.mark.parametrize("typed", ["", "\n", "nonsense\n", "EAAB" + "0" * 60 + "\n"])
def test_what_is_no_token_is_refused_and_nothing_is_stored(console: Console, brand: Account, typed: str) -> None:
    console.configure(brand)
    said = console("instagram", "login", "brand", typed=typed)
    assert said.code == 1
    assert "Nothing was stored" in said.err
    assert "Traceback" not in said.all


def test_a_missing_permission_is_named_before_anything_is_stored(
    console: Console, api: GraphApi, brand: Account
) -> None:
    console.configure(brand)
    token = short(api, brand, scopes=["instagram_basic", "pages_show_list", "pages_read_engagement"])
    said = console("instagram", "login", "brand", typed=token + "\n")
    assert said.code == 1
    assert "instagram_content_publish" in said.err
    assert "tick" in said.err


def test_connecting_again_keeps_what_there_is_and_a_failed_try_changes_nothing(
    console: Console, api: GraphApi, brand: Account
) -> None:
    connected(console, api, brand)
    assert console("instagram", "login", "brand", typed="EAAB" + "0" * 60 + "\n").code == 1
    console.done("instagram", "status", "brand")
    console.done("instagram", "login", "brand", typed=short(api, brand) + "\n")
    console.done("instagram", "status", "brand")


def test_of_several_accounts_one_must_be_named(console: Console, api: GraphApi, brand: Account) -> None:
    other = api.account("second", beside=brand)
    console.configure(brand)
    said = console("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert said.code == 1
    assert f"@brand ({brand.id})" in said.err
    assert f"@second ({other.id})" in said.err
    said = console.done("instagram", "login", "brand", "--account", "@Second", typed=short(api, brand) + "\n")
    assert f"@second ({other.id})" in said.out
    said = console.done("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert "@second" in said.out, "connecting again means the same account"
    said = console("instagram", "login", "brand", "--account", "third", typed=short(api, brand) + "\n")
    assert (said.code, "does not reach third" in said.err) == (1, True)


def test_another_account_than_before_must_be_meant(console: Console, api: GraphApi, brand: Account) -> None:
    connected(console, api, brand)
    api.refuse(368, operation="limit.get")
    assert "RESTRICTED" in console.done("instagram", "limits", "brand").out
    stranger = api.account("stranger")
    console.configure(stranger)
    said = console("instagram", "login", "brand", typed=short(api, stranger) + "\n")
    assert said.code == 1
    assert "another account than the one before" in said.err
    said = console.done("instagram", "login", "brand", "--account", stranger.id, typed=short(api, stranger) + "\n")
    assert "@stranger" in said.out
    assert "RESTRICTED" not in said.out, "that was the other account"


def test_the_account_of_the_settings_must_be_reached(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand, more='account_id = "17849999999999999"')
    said = console("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert said.code == 1
    assert "17849999999999999" in said.err
    assert "@brand" in said.err


def test_trouble_while_connecting_is_told_in_a_sentence(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand)
    for way in (Way.CUT_BEFORE, Way.CUT_BODY):
        fault = api.fault(way, operation="token.* pages.list account.get", times=9)
        said = console("instagram", "login", "brand", typed=short(api, brand) + "\n")
        assert said.code == 1
        assert "Meta did not answer in time" in said.err
        assert "Traceback" not in said.all
        assert api.hits(fault)
        api.mend()


def test_without_a_key_for_secrets_nothing_is_stored_and_the_remedy_is_told(
    console: Console, api: GraphApi, brand: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.configure(brand)
    monkeypatch.delenv("STORYLINE_SECRET_KEY")
    said = console("instagram", "login", "brand", typed=short(api, brand) + "\n")
    assert said.code == 1
    assert "openssl rand -hex 32" in said.err


def test_before_anybody_connected_every_command_says_so(console: Console, brand: Account) -> None:
    console.configure(brand)
    for command in ("status", "refresh", "limits"):
        said = console("instagram", command, "brand")
        assert said.code == 1
        assert "No Instagram account is connected for brand. Run `storyline instagram login brand`." in said.err


def test_a_restriction_is_shown_and_lifted_by_a_person(console: Console, api: GraphApi, brand: Account) -> None:
    connected(console, api, brand)
    api.refuse(4, 2207051, operation="limit.get", http=403)
    assert "RESTRICTED" in console.done("instagram", "limits", "brand").out
    told = console.done("instagram", "limits", "brand", "--json").json()
    assert "4/2207051" in str(told["restricted"])
    assert "RESTRICTED" not in console.done("instagram", "limits", "brand", "--try-again").out


def test_status_tells_what_is_wrong_with_the_very_command(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand, token=brand.token, more=f'account_id = "{brand.id}"')
    assert "token: page" in console.done("instagram", "status", "brand").out
    api.kill_token(brand.token, subcode=460)
    said = console("instagram", "status", "brand")
    assert said.code == 1
    assert "Run `storyline instagram login brand`." in said.err


def test_status_names_missing_permissions(console: Console, api: GraphApi, brand: Account) -> None:
    token = api.token(brand, kind="page", life=None, scopes=["instagram_basic", "pages_read_engagement"])
    console.configure(brand, token=token, more=f'account_id = "{brand.id}"')
    said = console.done("instagram", "status", "brand")
    assert "MISSING: instagram_content_publish" in said.out


def test_the_upload_test_puts_a_picture_there_fetches_it_and_removes_it(
    console: Console, api: GraphApi, brand: Account
) -> None:
    connected(console, api, brand, cloud=api.cloud("stories"))
    said = console.done("instagram", "status", "brand", "--upload-test")
    assert "a picture was put there, fetched and removed" in said.out
    assert api.uploads() == 1
    assert api.copies() == []
    api.answer(403, "no", operation="hosted.get")
    said = console("instagram", "status", "brand", "--upload-test")
    assert said.code == 1
    assert "does not give it back" in said.err
    assert api.copies() == []


def test_the_upload_test_without_a_host_says_what_to_write(console: Console, api: GraphApi, brand: Account) -> None:
    connected(console, api, brand)
    said = console("instagram", "status", "brand", "--upload-test")
    assert said.code == 1
    assert "[publishers.brand.host]" in said.err
    assert "host: none" in console.done("instagram", "status", "brand").out


def test_cleaning_up_removes_what_broken_runs_left_and_nothing_else(
    console: Console, api: GraphApi, brand: Account
) -> None:
    cloud = api.cloud("stories")
    connected(console, api, brand, cloud=cloud)
    api.fault(Way.CUT_BEFORE, operation="cloudinary.destroy", times=9)
    assert console("instagram", "status", "brand", "--upload-test").code == 1
    api.mend()
    assert len(api.copies()) == 1
    assert console.done("instagram", "cleanup", "brand", "--json").json() == {"publisher": "brand", "removed": 0}
    said = console.done("instagram", "cleanup", "brand", "--all")
    assert said.out == "brand: 1 copy was removed from the host.\n"
    assert api.copies() == []
    assert console.done("instagram", "cleanup", "brand", "--all").out == "brand: nothing was left at the host.\n"


def test_limits_are_told_with_their_reasons(console: Console, api: GraphApi, brand: Account) -> None:
    connected(console, api, brand)
    api.usage(app=95)
    said = console.done("instagram", "limits", "brand")
    assert "calls: 95 % of the limit of the app" in said.out
    assert "waits until" in said.out
    told = console.done("instagram", "limits", "brand", "--json").json()
    assert told["quota"] == {"used": 0, "total": 50, "window_s": 86400.0}
    assert told["containers"] == {"used": 0, "total": 400}
    assert told["usage"]["percent"] == 95.0  # type: ignore[index]


def test_renewing_by_hand(console: Console, api: GraphApi, brand: Account) -> None:
    console.configure(brand, token=brand.user_token, more=f'account_id = "{brand.id}"')
    assert "the token was renewed. It ends on" in console.done("instagram", "refresh", "brand").out
    ends = console.done("instagram", "refresh", "brand", "--json").json()["ends_at"]
    assert str(ends).endswith("Z")
    console.configure(brand, token=brand.token, more=f'account_id = "{brand.id}"')
    said = console("instagram", "refresh", "brand")
    assert (said.code, "has no end" in said.err) == (1, True)


@pytest.mark.parametrize("command", ["login", "status", "refresh", "limits", "cleanup"])
def test_a_name_that_is_not_there_is_told_with_those_that_are(console: Console, brand: Account, command: str) -> None:
    console.configure(brand)
    said = console("instagram", command, "brnd")
    assert said.code != 0
    assert "brnd" in said.err
    assert "brand" in said.err


def test_at_a_terminal_the_steps_are_shown_and_the_token_is_not(
    console: Console, api: GraphApi, brand: Account
) -> None:
    console.configure(brand)
    token = short(api, brand)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "storyline_runner", "instagram", "login", "brand"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=console.folder, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown, typed = "", ""
        while True:
            if not select.select([ours], [], [], 30)[0]:
                process.kill()
                break
            try:
                shown += os.read(ours, 4096).decode()
            except OSError:
                break
            if token and shown.endswith("shown): "):
                os.write(ours, f"{token}\n".encode())
                token, typed = "", token
    os.close(ours)
    assert process.returncode == 0, shown
    assert "https://developers.facebook.com/tools/explorer/" in shown
    assert "instagram_content_publish" in shown
    assert typed not in shown
    assert "brand: connected." in shown
