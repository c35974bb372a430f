"""The one list of keys. Bindings, footer, help, palette and the README's table all come from here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Scope = Literal["app", "run", "chart", "previews", "list", "home"]

SCOPES: dict[Scope, str] = {
    "app": "Everywhere",
    "run": "A run",
    "chart": "The chart",
    "previews": "Previews",
    "list": "Lists",
    "home": "Home",
}


@dataclass(frozen=True)
class Key:
    """One thing a person can do. `keys` are Textual's names or single characters; `shown` is how they are written.

    `action` is resolved on the screen or widget that binds the scope. `footer` orders what the bottom line offers
    first when there is little room (0: not there). `palette` says whether ctrl+p lists it, `listed` whether help and
    README have a line for it: some keys share one.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    action: str
    label: str
    help: str
    scope: Scope
    footer: int = 0
    palette: bool = True
    priority: bool = False
    listed: bool = True


KEYS: tuple[Key, ...] = (
    Key("quit", ("q", "ctrl+c", "ctrl+q"), "q", "quit", "quit", "Leave; asks first while training", "app", 90),
    Key("help", ("?", "f1"), "?", "help", "help", "What the focused panel means, and this list", "app", 80),
    Key("palette", ("ctrl+p",), "ctrl+p", "command_palette", "palette", "Find any action by its name", "app",
        priority=True, palette=False),
    Key("theme", ("t",), "t", "choose_theme", "theme", "Choose a theme, seen while choosing; it is remembered", "app"),
    Key("redraw", ("ctrl+l",), "ctrl+l", "redraw", "redraw", "Draw the whole screen again", "app", priority=True),
    Key("suspend", ("ctrl+z",), "ctrl+z", "suspend_process", "suspend", "To the shell; fg comes back", "app"),

    Key("play", ("space",), "space", "play", "play", "Play or stop the selected preview", "run", 10),
    Key("compare", ("a",), "a", "compare", "A/B", "Original, reconstruction, sample: at the same position", "run", 20),
    Key("epochs", ("o",), "o", "play_epochs", "play the epochs", "Play the selected sound from every epoch in a row",
        "run", 22),
    Key("loop", ("L",), "L", "loop", "loop", "Play it over and over, and stop that", "run"),
    Key("softer", ("9",), "9 0", "volume(-1)", "softer", "Softer and louder", "run"),
    Key("louder", ("0",), "0", "volume(1)", "louder", "Louder", "run", listed=False),
    Key("export", ("E",), "E", "export", "export", "Save the selected preview where you want it", "run"),
    Key("save", ("s",), "s", "save", "save", "Save a checkpoint now and train on", "run", 30),
    Key("cancel", ("c",), "c", "cancel", "cancel", "Save at this very step and stop training", "run", 40),
    Key("detach", ("d",), "d", "detach", "detach", "Close the screen; training goes on without it", "run"),
    Key("resume", ("r",), "r", "resume", "resume", "Train on from the newest checkpoint", "run", 45),
    Key("replay", ("R",), "R", "replay", "replay", "Replay a run that is over, and pause; { } seek, ( ) set the speed",
        "run", 1),
    Key("replay_back", ("{",), "{", "replay_skip(-1)", "back", "Replay: back by a twentieth of the run", "run", 2,
        listed=False),
    Key("replay_on", ("}",), "}", "replay_skip(1)", "on", "Replay: forth by a twentieth of the run", "run", 3,
        listed=False),
    Key("replay_slow", ("(",), "(", "replay_speed(-1)", "slow", "Replay: half as fast", "run", 4, listed=False),
    Key("replay_fast", (")",), ")", "replay_speed(1)", "fast", "Replay: twice as fast", "run", 4, listed=False),
    Key("preview", ("p",), "p", "preview", "preview now", "Make previews now", "run", 50),
    Key("enlarge", ("enter",), "enter", "enlarge", "full screen", "Show the focused panel full screen, and back", "run",
        60),
    Key("back", ("escape",), "esc", "back", "back", "Back from full screen, filter or dialog", "run", 5,
        palette=False),
    Key("filter", ("/",), "/", "filter", "filter", "Show only the terms whose name matches", "run", 70),
    Key("events", ("e",), "e", "show('events')", "events", "Everything that happened, newest first", "run", 75),
    Key("config", ("i",), "i", "show('config')", "config", "Every setting of the run", "run", 76),
    Key("overlay", ("B",), "B", "overlay", "compare runs", "Draw other runs over this one; choose the baseline", "run",
        72),
    Key("note", ("N",), "N", "note", "note", "Put a note at the current step", "run", 73),
    Key("set", ("=",), "=", "set_value", "set", "Change a safe value of the live run, such as the rate", "run", 74),
    Key("copy", ("y",), "y", "copy", "copy", "Copy the focused panel's value to your clipboard", "run"),
    Key("explain", ("w",), "w b U", "explain", "what to do", "What a warning means, what helps; b goes back, U undoes",
        "run"),
    Key("go_back", ("b",), "b", "go_back", "go back", "Back to before the trouble, at a lower rate, where that helps",
        "run", listed=False),
    Key("undo", ("U",), "U", "undo_advice", "undo advice", "Undo the last advice that was taken", "run", 46,
        listed=False),
    Key("traverse", ("T",), "T S", "traverse", "turn the latent",
        "Turn the latent by keys and hear it; S shows the loss around the weights", "run"),
    Key("landscape", ("S",), "S", "landscape", "loss surface", "How flat or sharp the loss is around the best weights",
        "run", listed=False),
    Key("hide", ("x",), "x", "hide_alert", "hide warning", "Hide the warning that is shown", "run"),
    Key("show_chart", ("1",), "1 to 8", "show('chart')", "chart",
        "Full screen: chart, terms, previews, latent, balance, system, config, events", "run"),
    Key("show_terms", ("2",), "2", "show('terms')", "terms", "Every part of the loss", "run", listed=False),
    Key("show_previews", ("3",), "3", "show('previews')", "previews", "What it sounds like", "run", listed=False),
    Key("show_latent", ("4",), "4", "show('latent')", "latent", "What the latent uses", "run", listed=False),
    Key("show_balance", ("5",), "5", "show('balance')", "balance", "Which term drives the training", "run",
        listed=False),
    Key("show_system", ("6",), "6", "show('system')", "system", "GPU, CPU, memory, disk", "run", listed=False),
    Key("show_config", ("7",), "7", "show('config')", "config", "Every setting of the run", "run", palette=False,
        listed=False),
    Key("show_events", ("8",), "8", "show('events')", "events", "Everything that happened", "run", palette=False,
        listed=False),
    Key("next_panel", ("tab",), "tab", "app.focus_next", "next panel", "Next panel; shift+tab goes back", "run",
        palette=False),
    Key("previous_panel", ("shift+tab",), "shift+tab", "app.focus_previous", "previous panel", "Previous panel", "run",
        palette=False, listed=False),
    Key("left", ("left", "h"), "hjkl ←↓↑→", "move('left')", "left", "To that side; full screen, through time and terms",
        "run", palette=False),
    Key("down", ("down", "j"), "j ↓", "move('down')", "down", "Down", "run", palette=False, listed=False),
    Key("up", ("up", "k"), "k ↑", "move('up')", "up", "Up", "run", palette=False, listed=False),
    Key("right", ("right", "l"), "l →", "move('right')", "right", "Right", "run", palette=False, listed=False),

    Key("zoom_in", ("]",), "]", "zoom(1)", "zoom in", "Show half as many steps", "chart"),
    Key("zoom_out", ("[",), "[", "zoom(-1)", "zoom out", "Show twice as many steps", "chart"),
    Key("earlier", ("<", ","), "<", "pan(-1)", "earlier", "Move to earlier steps", "chart"),
    Key("later", (">", "."), ">", "pan(1)", "later", "Move to later steps", "chart"),
    Key("follow", ("f",), "f", "follow", "follow", "Follow the newest steps", "chart"),
    Key("log", ("g",), "g", "log_scale", "log scale", "Logarithmic scale and back", "chart"),
    Key("smooth", ("m",), "m", "smoothing", "smoothing", "Smoothing: off, light, strong", "chart"),

    Key("cursor", ("v",), "v", "cursor", "cursor", "A cursor on the chart: exact step and value; ←→ move it", "chart"),
    Key("fold", ("z",), "z", "fold", "fold", "Fold the selected group of terms, and unfold it", "chart"),
    Key("fold_all", ("Z",), "Z", "fold_all", "fold all", "Fold or unfold all groups of terms", "chart"),
    Key("pin", ("*",), "*", "pin", "pin", "Keep the selected term first, and let it go", "chart"),

    Key("next", ("n",), "n", "next", "next", "Play the next preview of the list", "previews", 25),

    Key("row_up", ("up", "k"), "jk ↓↑", "row(-1)", "line up", "One line up or down", "list", palette=False),
    Key("row_down", ("down", "j"), "j ↓", "row(1)", "line down", "One line down", "list", palette=False, listed=False),
    Key("page_up", ("pageup", "ctrl+b"), "pgup pgdn", "page(-1)", "page up", "One page up or down", "list",
        palette=False),
    Key("page_down", ("pagedown", "ctrl+f"), "pgdn", "page(1)", "page down", "One page down", "list", palette=False,
        listed=False),
    Key("first", ("home",), "home end", "edge(-1)", "first", "To the first or last line", "list", palette=False),
    Key("last", ("end",), "end", "edge(1)", "last", "To the last line", "list", palette=False, listed=False),

    Key("open", ("enter",), "enter", "open", "open", "Watch the run if it is live, else look at how it went", "home",
        10),
    Key("new", ("n",), "n", "new", "new run", "Start a run: choose sounds, see what follows, begin", "home", 20),
    Key("train_on", ("r",), "r", "resume", "resume", "Train a stopped run on, after a look at where it stands", "home",
        30),
    Key("watch", ("w",), "w", "watch", "watch", "Watch a run, or show the runs, of another folder or HOST:",
        "home", 40),
    Key("demo", ("d",), "d", "demo", "demo", "Make a few sounds and train on them, to see how it goes", "home", 50),
    Key("mark", ("space",), "space", "mark", "mark", "Mark the run, to compare it with others", "home", 26),
    Key("compare_runs", ("c",), "c", "compare", "compare", "Watch the marked runs over each other", "home", 62),
    Key("filter_runs", ("/",), "/", "filter", "filter", "Only runs for which it holds: loss.stft.weight > 0.5", "home",
        24),
    Key("sort_runs", ("o",), "o", "sort", "sort", "By last seen, best, name, epoch, or a setting", "home", 66),
    Key("sort_by", ("O",), "O", "ask_order", "sort by", "By any result or setting", "home"),
    Key("clear_runs", ("escape",), "esc", "clear", "show all", "All runs again; then no marks", "home", palette=False),
    Key("run_note", ("N",), "N", "note", "note", "A note on the run", "home"),
    Key("baseline", ("B",), "B", "baseline", "baseline", "The run that others are compared with, and none", "home"),
    Key("archive", ("a",), "a", "archive", "archive", "Put the run away, or bring it back", "home"),
    Key("archived", ("A",), "A", "archived", "show archived", "Show the runs that were put away too", "home"),
    Key("delete", ("X",), "X", "delete", "delete", "Delete the run and its files; asks first", "home"),
)  # fmt: skip

BY_ID = {key.id: key for key in KEYS}


def scoped(*scopes: Scope) -> tuple[Key, ...]:
    """The keys of these scopes, in the list's order."""
    return tuple(key for key in KEYS if key.scope in scopes)


def bindings(*scopes: Scope) -> list[BindingType]:
    """Textual bindings of these scopes, for a class's BINDINGS."""
    return [
        Binding(
            ",".join(_textual(name) for name in key.keys),
            key.action,
            key.label,
            id=key.id,
            show=False,
            priority=key.priority,
            tooltip=key.help,
        )
        for key in scoped(*scopes)
    ]


def footer(keys: Iterable[Key]) -> list[Key]:
    """Those that the bottom line offers, the most wanted first."""
    return sorted((key for key in keys if key.footer), key=lambda key: key.footer)


def markdown_table() -> str:
    """The README's table of keys."""
    lines = ["| key | where | what it does |", "|---|---|---|"]
    lines += [
        f"| `{key.shown.replace('|', chr(92) + '|')}` | {SCOPES[key.scope].lower()} | {key.help} |"
        for key in KEYS
        if key.listed
    ]
    return "\n".join(lines)


def _textual(name: str) -> str:
    return {",": "comma", ".": "full_stop"}.get(name, name)
