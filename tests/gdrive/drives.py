"""A team's Drive for tests: a shared drive or a My Drive with a folder that a robot may see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs

from storyline_core import Runtime, Secret
from storyline_core.testing import runtime_named
from storyline_gdrive.opened import opened
from storyline_gdrive.pace import Pace
from storyline_gdrive.plugin import Access, GoogleDrive
from storyline_gdrive.source import DriveSource
from tests.gdrive.drive_api.limits import Way
from tests.gdrive.drive_api.server import DriveApi
from tests.gdrive.drive_api.tree import Node, Person


@attrs.define(eq=False)
class TeamDrive:
    """A folder that the robot may see, as the tests change it. Paths have `/` between parts and no root."""

    server: DriveApi
    robot: Person
    root: Node
    cache: Path

    @classmethod
    def shared(cls, server: DriveApi, cache: Path) -> TeamDrive:
        """The folder lies in a shared drive; the robot may write."""
        robot = server.world.robot("robot")
        drive = server.world.shared_drive("Team", {robot: "fileOrganizer"})
        return cls(server, robot, server.world.folder("Stories", drive.root), cache)

    @classmethod
    def mine(cls, server: DriveApi, cache: Path) -> TeamDrive:
        """The folder lies in somebody's My Drive and is shared with the robot."""
        robot = server.world.robot("robot")
        root = server.world.folder("Stories", server.world.user("Ann").root)
        server.world.share(root, robot)
        return cls(server, robot, root, cache)

    def settings(self, access: Access = Access.WRITE) -> GoogleDrive:
        """What leads there."""
        return GoogleDrive(
            folder=self.root.id,
            key=Secret(json.dumps(self.server.key_file(self.robot))),
            access=access,
            cache=self.cache,
            answer_within=timedelta(seconds=5),
            patience=timedelta(0),
            api_url=self.server.address,
            token_url=f"{self.server.address}/token",
            consent_url=f"{self.server.address}/auth",
        )

    @contextmanager
    def open(self, pauses: list[float] | None = None, settings: GoogleDrive | None = None) -> Iterator[DriveSource]:
        """The source, patient without waiting: the pauses are only noted."""
        noted = [] if pauses is None else pauses
        pace = Pace(5.0, 120.0, sleep=noted.append, clock=lambda: sum(noted), chance=lambda: 0.0)
        with opened(settings or self.settings(), self.runtime(), pace) as source:
            yield source

    def runtime(self) -> Runtime:
        """What the runner lends."""
        return attrs.evolve(runtime_named("team"), now=self.server.clock.now)

    def at(self, path: str, root: Node | None = None) -> Node | None:
        """What lies at a path."""
        node: Node | None = root or self.root
        for part in path.split("/"):
            held = self.server.world.held(node) if node is not None else []
            node = next((each for each in held if each.name == part and not each.trashed), None)
        return node

    def folder(self, path: str) -> Node:
        """A folder, made if it is not there."""
        node = self.root
        for part in path.split("/") if path else ():
            node = self.at(part, node) or self.server.world.folder(part, node)
        return node

    def write(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        there = self.at(path)
        if there is None:
            self.server.world.file(name, self.folder(folder), content)
        else:
            # Drive tells times in milliseconds.
            time.sleep(0.002)
            self.server.world.replace(there, content)

    def rename(self, path: str, to: str) -> None:
        node = self.at(path)
        assert node is not None
        folder, _, name = to.rpartition("/")
        target = self.folder(folder)
        if target.id != node.parent:
            self.server.world.move(node, target)
        self.server.world.rename(node, name)

    def delete(self, path: str) -> None:
        node = self.at(path)
        assert node is not None
        self.server.world.delete(node)

    def make_unreadable(self, folder: str) -> None:
        raise NotImplementedError

    def break_down(self) -> None:
        self.server.fault(Way.CUT_BEFORE, times=100_000)
