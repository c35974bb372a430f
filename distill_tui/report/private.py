"""A page for strangers: what a run tells, without the host's name and without the folders that its files lie in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from core.run.events import CheckpointSaved, RunStarted, Stored, TrainingCompleteEvent
from core.run.link import LinkError, RunInfo
from core.run.remote_target import Remote

HOST = "host"  # what stands for its name
# Fields by which things are found, or that are words of our own: a host may be called "audio".
KEPT = frozenset((
    "alert", "audio_path", "by", "command", "device", "extras", "group", "id", "key", "kind", "name", "names", "pair",
    "phase", "preset", "recipe", "representation", "score_path", "severity", "terms", "than",
))  # fmt: skip
OUTCOMES = (CheckpointSaved, TrainingCompleteEvent)  # their `reason` is one of a few
ADDRESS = r"\bhttps?://\S+"  # of the web, which is no path
PATH = r"""(?<![\w./~])(?:~[\w.-]*|\.\.)?/[^\s"'`<>|;,()\[\]]+"""
FILE = r"\.(?:aiff?|flac|json|midi?|mp3|ogg|pt|toml|wav)\b"  # a sound may be called like the host
DOMAIN = r"(?:\.[A-Za-z0-9][\w-]*)*"
_PLACES = re.compile(f"{ADDRESS}|(?P<path>{PATH})")


class Hiding:
    """Takes the hosts and folders of one run out of what is told of it; names of files and folders stay."""

    def __init__(self, info: RunInfo, events: Iterable[Stored]) -> None:
        self._info = info
        remote = _remote(info.location)
        hosts = {stored.event.host for stored in events if isinstance(stored.event, RunStarted)}
        hosts |= {remote.host, remote.host.rpartition("@")[2]} if remote else set()
        hosts |= {host.partition(".")[0] for host in hosts if not host.replace(".", "").isdigit()}
        words = "|".join(re.escape(host) for host in sorted(hosts, key=len, reverse=True) if host)
        host = rf"(?<![\w.@-])(?:[\w.-]+@)?(?:{words})(?![\w-]|{FILE}){DOMAIN}"
        self._hosts = re.compile(host) if words else None
        found = [info.local_folder, remote.path if remote else info.location, *_texts(info.config)]
        # Known as a whole, since a name may have spaces in it.
        self._folders = sorted({folder.rstrip("/") for folder in found if _is_place(folder)}, key=len, reverse=True)

    def info(self) -> RunInfo:
        """Where the run is, by its name alone; the places in its config likewise."""
        name = self._info.name
        return replace(self._info, location=name, local_folder=name, config=self._config(self._info.config))

    def events(self, events: Iterable[Stored]) -> tuple[Stored, ...]:
        """The events with all that they tell in words."""
        return tuple(replace(stored, event=self._of(stored.event)) for stored in events)

    def text(self, text: str) -> str:
        """A text with the names of paths alone, and without hosts."""
        for folder in self._folders:
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", lambda found: _name(found[0]), text)
        text = _PLACES.sub(lambda found: _name(found[0]) if found["path"] else found[0], text)
        return self._hosts.sub(HOST, text) if self._hosts else text

    def _of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self._of(each) for each in value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        kept = KEPT | {"reason"} if isinstance(value, OUTCOMES) else KEPT
        told = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in kept}
        found = {name: "" if name == "host" else self._of(each) for name, each in told.items()}
        return replace(value, **found)

    def _config(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._config(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._config(each) for each in value]
        return _name(value) if isinstance(value, str) and _is_place(value) else value


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _is_place(text: str) -> bool:
    """Whether a value as a whole is a path that leads somewhere from anywhere, or up from here."""
    return "/" in text.rstrip("/") and text.startswith(("/", "~", "../"))


def _texts(tree: Any) -> Iterable[str]:
    if isinstance(tree, str):
        yield tree
    for each in tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ():
        yield from _texts(each)


def _remote(location: str) -> Remote | None:
    try:
        return Remote.parse(location)
    except LinkError:
        return None
