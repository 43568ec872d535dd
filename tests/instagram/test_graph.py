"""The one way to Meta, over real HTTP: what is sent, what is asked again, and how far a failed call got."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest

from storyline_core import NeedsPerson, Refused, StoreUnavailable, Unavailable, Uncertain
from storyline_instagram.allowance import CONTAINERS, Allowance, in_words, read_quota, room_to_prepare
from storyline_instagram.faults import Fault, Reach, Remedy
from storyline_instagram.graph import VERSION, Graph, GraphFault, Pace, at
from storyline_instagram.usage import CONTAINERS_A_DAY, Quota, Usage
from tests.instagram.accounts import DEAD_END, open_account, open_graph, runtime_at, settings_of
from tests.instagram.graph_api import Account, GraphApi, Way

MINUTE = timedelta(minutes=1)


def looked(graph: Graph, account: Account) -> object:
    return graph.get(at(account.id), {"fields": "id,username"})


def posted(graph: Graph, account: Account) -> GraphFault:
    with pytest.raises(GraphFault) as caught:
        graph.post(at(account.id, "media"), {"media_type": "STORIES", "image_url": f"{DEAD_END}/x.jpg"})
    return caught.value


def test_the_token_goes_in_the_header_with_its_proof_and_the_version(api: GraphApi, either: Account) -> None:
    api.require_proof(either)
    with open_graph(api, either) as graph:
        assert looked(graph, either) == {"id": either.id, "username": "brand"}
    [call] = api.calls("account.get")
    assert (call.token_in, call.proof, call.version) == ("header", True, VERSION)
    assert set(call.query) <= {"fields", "appsecret_proof"}


def test_without_an_app_secret_nothing_is_signed(api: GraphApi, either: Account) -> None:
    with open_graph(api, either, signed=False) as graph:
        looked(graph, either)
        api.require_proof(either)
        with pytest.raises(GraphFault) as caught:
            looked(graph, either)
    assert [call.proof for call in api.calls("account.get")] == [False, False]
    error = caught.value.as_core("looking at the account")
    assert isinstance(error, NeedsPerson)
    assert "app_secret" in error.remedy


@pytest.mark.parametrize("code", [-1, 1, 2])
def test_questions_are_asked_again_while_meta_has_trouble(api: GraphApi, brand: Account, code: int) -> None:
    pauses: list[float] = []
    api.refuse(code, operation="account.get", times=3)
    with open_graph(api, brand, pauses=pauses) as graph:
        looked(graph, brand)
    assert pauses == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("way", [Way.CUT_BEFORE, Way.CUT_AFTER, Way.CUT_BODY])
def test_questions_survive_a_broken_line(api: GraphApi, brand: Account, way: Way) -> None:
    api.fault(way, operation="account.get", times=2)
    with open_graph(api, brand) as graph:
        looked(graph, brand)
    assert api.count("account.get") == 3


def test_questions_are_not_asked_for_ever(api: GraphApi, brand: Account) -> None:
    pauses: list[float] = []
    api.answer(502, "<html>Bad Gateway</html>", operation="account.get", times=1000)
    with open_graph(api, brand, pauses=pauses) as graph, pytest.raises(GraphFault) as caught:
        looked(graph, brand)
    assert sum(pauses) <= 120
    assert isinstance(caught.value.as_core("looking"), Unavailable)


@pytest.mark.parametrize(("code", "subcode"), [(4, None), (17, None), (190, 463), (10, None), (100, 33), (368, None)])
def test_what_asking_again_does_not_help_is_asked_once(
    api: GraphApi, brand: Account, code: int, subcode: int | None
) -> None:
    api.refuse(code, subcode, operation="account.get", times=5)
    with open_graph(api, brand) as graph, pytest.raises(GraphFault) as caught:
        looked(graph, brand)
    assert api.count("account.get") == 1
    assert (caught.value.fault.code, caught.value.fault.subcode) == (code, subcode)


def test_retry_after_counts(api: GraphApi, brand: Account) -> None:
    pauses: list[float] = []
    api.refuse(2, operation="account.get", http=503, headers={"Retry-After": "17"})
    with open_graph(api, brand, pauses=pauses) as graph:
        looked(graph, brand)
    assert pauses == [17.0]


@pytest.mark.parametrize(
    ("way", "reach", "may_have"),
    [
        (Way.CUT_BEFORE, Reach.LOST, True),
        (Way.CUT_AFTER, Reach.LOST, True),
        (Way.CUT_BODY, Reach.LOST, True),
    ],
)
def test_what_changes_something_is_sent_once_and_a_lost_answer_may_have_happened(
    api: GraphApi, brand: Account, way: Way, reach: Reach, may_have: bool
) -> None:
    api.fault(way, operation="media.create", times=5)
    with open_graph(api, brand) as graph:
        fault = posted(graph, brand)
    assert api.count("media.create") == 1
    assert fault.fault.reach is reach
    assert fault.may_have_happened is may_have
    assert isinstance(fault.as_core("publishing", unrepeatable=True), Uncertain)


def test_what_nobody_took_has_certainly_not_happened(api: GraphApi, brand: Account) -> None:
    with open_graph(api, brand, graph_url=DEAD_END) as graph:
        fault = posted(graph, brand)
    assert fault.fault.reach is Reach.NOT_SENT
    assert not fault.may_have_happened
    assert isinstance(fault.as_core("publishing", unrepeatable=True), Unavailable)


def test_a_refusal_has_certainly_not_happened(api: GraphApi, brand: Account) -> None:
    api.refuse(190, 463, operation="media.create")
    with open_graph(api, brand) as graph:
        fault = posted(graph, brand)
    assert not fault.may_have_happened
    assert isinstance(fault.as_core("publishing", unrepeatable=True), NeedsPerson)


@pytest.mark.parametrize("http", [200, 302, 500, 502, 504])
def test_an_answer_that_is_not_metas_may_have_happened(api: GraphApi, brand: Account, http: int) -> None:
    api.answer(http, "<html>something between</html>", operation="media.create")
    with open_graph(api, brand) as graph:
        fault = posted(graph, brand)
    assert fault.may_have_happened
    assert api.count("media.create") == 1


@contextmanager
def mumbling(words: bytes, every_s: float) -> Iterator[str]:
    """A server that answers in tiny pieces and never ends: each of them is in time, all of them are not."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def talk() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(65_536)
            try:
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not over.wait(every_s):
                    line.sendall(words)
            except OSError:
                return

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    listener.close()
    thread.join()


def test_an_answer_in_endless_pieces_has_an_end(api: GraphApi, brand: Account) -> None:
    with (
        mumbling(b" ", 0.02) as address,
        open_graph(api, brand, graph_url=address, pace=Pace(0.3, 0.0, sleep=lambda s: None)) as graph,
    ):
        fault = posted(graph, brand)
    assert fault.fault.reach is Reach.LOST
    assert "too long" in fault.fault.message


def test_silence_has_an_end(api: GraphApi, brand: Account) -> None:
    api.fault(Way.SILENT, operation="media.create")
    with open_graph(api, brand, pace=Pace(0.3, 0.0, sleep=lambda s: None)) as graph:
        fault = posted(graph, brand)
    assert (fault.fault.reach, fault.fault.message) == (Reach.LOST, "ReadTimeout")


def test_the_headers_of_every_answer_are_told_refusals_included(api: GraphApi, brand: Account) -> None:
    noted: list[Usage] = []
    api.usage(app=80, account=95, minutes=12)
    with open_graph(api, brand, noted=noted) as graph:
        looked(graph, brand)
        api.refuse(80002, operation="account.get")
        with pytest.raises(GraphFault) as caught:
            looked(graph, brand)
    assert [usage.percent for usage in noted] == [95.0, 95.0]
    assert noted[0].regain_at == api.now() + 12 * MINUTE
    error = caught.value.as_core("looking")
    assert isinstance(error, Unavailable)
    assert error.retry_after == 12 * MINUTE, "Meta's own word for how long"


def test_the_quota_is_read_live(api: GraphApi, either: Account) -> None:
    api.behave(quota=25)
    with open_graph(api, either) as graph:
        assert read_quota(graph, either.id) == Quota(0, 25)


def test_the_line_waits_before_it_is_throttled_and_says_why(api: GraphApi, brand: Account) -> None:
    runtime = runtime_at(api)
    allowance = Allowance(runtime.state, api.now)
    api.usage(app=90)
    with open_graph(api, brand) as graph:
        graph._noted = allowance.note
        # What the quota's own answer tells counts at once.
        with pytest.raises(Unavailable, match=r"36 minutes: 90 % of Meta's limit of the app") as waits:
            room_to_prepare(graph, brand.id, allowance)
        assert waits.value.retry_after == 36 * MINUTE
        api.forget_calls()
        with pytest.raises(Unavailable):
            room_to_prepare(graph, brand.id, Allowance(runtime.state, api.now))
        assert api.calls("*") == [], "another process knows as well, and does not even ask"
        api.advance(37 * MINUTE)
        api.usage(app=20)
        assert room_to_prepare(graph, brand.id, allowance) == Quota(0, 50)


def test_a_used_up_quota_stops_before_anything_is_prepared(api: GraphApi, brand: Account) -> None:
    api.behave(quota=0)
    api.answer(200, '{"data": [{"quota_usage": 25, "config": {"quota_total": 25}}]}', operation="limit.get")
    with open_graph(api, brand) as graph, pytest.raises(Unavailable, match="25 of 25"):
        room_to_prepare(graph, brand.id, Allowance(runtime_at(api).state, api.now))


@pytest.mark.parametrize(("code", "subcode", "http"), [(4, 2207051, 403), (25, 2207050, 400), (368, None, 400)])
def test_a_restriction_stops_everything_until_a_person_says_otherwise(
    api: GraphApi, brand: Account, code: int, subcode: int | None, http: int
) -> None:
    runtime = runtime_at(api)
    with open_account(api, settings_of(api, brand), runtime) as opened:
        api.refuse(code, subcode, operation="media.create", http=http)
        posted(opened.graph, brand)
        [alert] = opened.maintain()
        assert alert.key == "account/blocked"
        assert "limits brand --try-again" in alert.remedy
    api.forget_calls()
    with open_account(api, settings_of(api, brand), runtime) as opened:
        allowance = opened._connection.allowance
        with pytest.raises(NeedsPerson, match=str(code)):
            room_to_prepare(opened.graph, brand.id, allowance)
        assert api.calls("*") == [], "asking again makes it worse"
        opened.connecting().try_again()
        room_to_prepare(opened.graph, brand.id, allowance)
        allowance.note_block(Fault(Reach.ANSWERED, 400, code, subcode))
        api.advance(timedelta(hours=6))
        room_to_prepare(opened.graph, brand.id, allowance)
        assert "account/blocked" not in [alert.key for alert in opened.maintain()]


def test_containers_are_counted_over_restarts(api: GraphApi, brand: Account) -> None:
    runtime = runtime_at(api)
    for _ in range(CONTAINERS_A_DAY):
        Allowance(runtime.state, api.now).note_container()
        api.advance(timedelta(seconds=30))
    with open_graph(api, brand) as graph:
        with pytest.raises(Unavailable, match="400 of 400"):
            room_to_prepare(graph, brand.id, Allowance(runtime.state, api.now))
        api.advance(timedelta(hours=24))
        room_to_prepare(graph, brand.id, Allowance(runtime.state, api.now))


def test_what_is_kept_of_limits_may_be_damaged(api: GraphApi) -> None:
    state = runtime_at(api).state
    state.set(CONTAINERS, '{"at": ["x", 5, null]}')
    state.set("usage", "not json")
    allowance = Allowance(state, api.now)
    assert (allowance.usage, allowance.containers, allowance.wait(None)) == (None, (), None)


def test_limits_are_never_worth_stopping_for(api: GraphApi) -> None:
    class Broken:
        def get(self, name: str) -> str | None:
            raise StoreUnavailable("The database is locked.")

        def set(self, name: str, value: str) -> None:
            raise StoreUnavailable("The database may only be read.")

        def delete(self, name: str) -> None:
            pass

    allowance = Allowance(Broken(), api.now)
    allowance.note(Usage(api.now(), 90, "of the app"))
    allowance.note_container()
    assert len(allowance.containers) == 1
    with pytest.raises(Unavailable, match="90 %"):
        allowance.must_not_wait()


def test_usage_is_stored_when_it_is_news_not_with_every_answer(api: GraphApi) -> None:
    class Counting:
        written = 0

        def get(self, name: str) -> str | None:
            return None

        def set(self, name: str, value: str) -> None:
            self.written += 1

        def delete(self, name: str) -> None:
            pass

    state = Counting()
    allowance = Allowance(state, api.now)
    for _ in range(100):
        allowance.note(Usage(api.now(), 20, "of the app"))
    assert state.written == 1
    allowance.note(Usage(api.now(), 30, "of the app"))
    assert state.written == 2


def test_downloads_carry_no_token_and_follow_the_network(api: GraphApi, brand: Account) -> None:
    post = api.post(brand, "IMAGE", content=b"a picture's bytes")
    with open_graph(api, brand) as graph:
        address = str(graph.get(at(post), {"fields": "media_url"})["media_url"])
        with graph.download(address) as answer:
            assert b"".join(answer.iter_bytes())
        api.expire_urls()
        with pytest.raises(GraphFault) as caught, graph.download(address):
            pytest.fail("an expired address was opened")
    assert caught.value.fault.status == 403
    assert [call.token_in for call in api.calls("cdn.get")] == [None, None]


def test_an_upload_carries_its_token_as_meta_wants_it(api: GraphApi, brand: Account) -> None:
    with open_graph(api, brand) as graph:
        told = graph.post(at(brand.id, "media"), {"media_type": "STORIES", "upload_type": "resumable"})
        bytes_ = io.BytesIO(b"no video at all")
        headers = {"offset": "0", "file_size": "15"}
        with suppress(GraphFault):
            # What is uploaded is no video; how it is sent is what counts here.
            graph.upload(f"/ig-api-upload/{VERSION}/{told['id']}", headers, iter(lambda: bytes_.read(4), b""))
    [call] = api.calls("rupload.send")
    assert (call.token_in, call.bytes_taken) == ("header", 15)


def test_an_error_that_does_not_fit_its_status_is_an_error(api: GraphApi, brand: Account) -> None:
    api.answer(200, '{"error": {"code": 352, "error_subcode": 2207026, "message": "x"}}', operation="account.get")
    with open_graph(api, brand) as graph, pytest.raises(GraphFault) as caught:
        looked(graph, brand)
    assert caught.value.remedy is Remedy.NEVER
    assert isinstance(caught.value.as_core("looking"), Refused)


def test_nothing_of_a_token_is_in_what_a_call_says(api: GraphApi, brand: Account) -> None:
    api.kill_token(brand.token, subcode=463)
    with open_graph(api, brand) as graph, pytest.raises(GraphFault) as caught:
        looked(graph, brand)
    fault = caught.value
    for text in (repr(graph), repr(fault), str(fault), repr(fault.fault), str(fault.as_core("looking"))):
        assert brand.token not in text
        assert brand.app_secret not in text
    assert fault.__cause__ is None


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "1 minute"), (1, "1 minute"), (59, "59 minutes"), (119, "2 hours"), (1440, "24 hours"), (4320, "3 days")],
)
def test_spans_are_told_as_people_say_them(minutes: int, words: str) -> None:
    assert in_words(minutes * MINUTE) == words
