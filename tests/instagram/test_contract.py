"""The publisher passes the contract's own tests, through the door that strangers use, with both of Meta's logins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storyline_core.testing import PublisherTests
from storyline_instagram import Instagram
from tests.instagram.graph_api import GraphApi
from tests.instagram.outlets import Outlet


class TestFacebookLogin(PublisherTests):
    kind_name = "instagram"

    @pytest.fixture
    def world(self) -> Iterator[Outlet]:
        with GraphApi() as api:
            yield Outlet(api)

    @pytest.fixture
    def options(self, world: Outlet) -> Instagram:
        return world.settings()


class TestInstagramLogin(TestFacebookLogin):
    @pytest.fixture
    def world(self) -> Iterator[Outlet]:
        with GraphApi() as api:
            yield Outlet(api, "instagram")


class TestRefusingRepetitions(TestFacebookLogin):
    """An Instagram that answers a second publishing of the same container with an error."""

    @pytest.fixture
    def world(self) -> Iterator[Outlet]:
        with GraphApi() as api:
            api.behave(republished="refused")
            yield Outlet(api)
