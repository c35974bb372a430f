"""The runs in a folder of another host."""

from dataclasses import dataclass

from core.run.folder import RunSummary
from core.run.link import LinkError
from core.run.remote_line import Line
from core.run.remote_messages import ListRuns, summary_of
from core.run.remote_target import Remote, decoded

CONNECT_SECONDS = 25.0
LIST_SECONDS = 30.0  # each run is opened to see how it stands


@dataclass(frozen=True)
class RemoteRuns:
    """The runs in `folder` of `host`, the latest first; their paths are those of the host."""

    host: str
    folder: str
    runs: tuple[RunSummary, ...]


def remote_runs(host: str, path: str = "") -> RemoteRuns:
    """The runs in the folder `path` of `host` (empty: where runs go there). Blocks. Raises LinkError."""
    remote = Remote(host, path)
    line = Line(remote, lambda pending: None)
    try:
        greeting = line.greet(CONNECT_SECONDS)
        if greeting.kind != "runs":
            raise LinkError(f"{remote}: a run, not a folder of runs; watch it with: distill-tui watch")
        runs: list[RunSummary] = []
        more = True
        while more:
            start = len(runs)
            pending = line.request(lambda number, start=start: ListRuns(number, start))  # type: ignore[misc]
            if not pending.answered.wait(LIST_SECONDS):
                raise LinkError(f"{remote}: the list takes too long; name a folder with fewer runs")
            answer, _ = pending.result()
            if answer.error:
                raise LinkError(f"{host}: {answer.error}")
            runs += map(summary_of, answer.runs)
            more = answer.more and bool(answer.runs)
    finally:
        line.close()
    return RemoteRuns(host, decoded(greeting.path), tuple(runs))
