"""The Textual app: themes, the first screen, what works on every screen, and how it ends."""

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.screen import Screen

from distill_tui import theme as themes
from distill_tui.alerting_options import usual
from distill_tui.ascii import Ascii
from distill_tui.ascii import wanted as ascii_wanted
from distill_tui.driver import driver_here
from distill_tui.format import clean
from distill_tui.keys import Key, Scope, bindings, scoped
from distill_tui.painter import Painter
from distill_tui.session import Home, Resume, Session, Start, Train, Watch
from distill_tui.terminal import OnHangup
from distill_tui.theme import ThemeError
from distill_tui.volume import Volume

if TYPE_CHECKING:
    from distill_tui.front import Front
    from distill_tui.screens.dashboard import Dashboard

__all__ = ["DistillApp", "Home", "Resume", "Start", "Train", "Watch", "run_app"]

STYLES = Path(__file__).parent / "styles"


class DistillApp(App[int], inherit_bindings=False):
    """One window on one run, or on the home screen. It returns the exit status."""

    TITLE = "distill-tui"
    BINDINGS = bindings("app")
    SESSION: type[Session] = Session  # what a dashboard is given
    WITHOUT: frozenset[str] = frozenset()  # the keys, by their ids, that have no sense here

    def __init__(self, start: Start, *, remember_theme: bool = True) -> None:
        # Textual reads a screen's own styles when it is pushed, which the first screen never is.
        home = isinstance(start, Home)
        styles: list[str | PurePath] = [STYLES / "monitor.tcss", STYLES / ("home.tcss" if home else "previews.tcss")]
        ansi = True if os.environ.get("NO_COLOR") else None
        super().__init__(driver_class=driver_here(), css_path=styles, ansi_color=ansi)
        self.start = start
        self.session: Session | None = None
        self.ascii_only = ascii_wanted()
        self.closing_line = ""
        self.detaching = False
        self._ascii = Ascii(enabled=self.ascii_only)
        self._painter = Painter()
        self.volume = Volume()
        self._remember_theme = remember_theme
        self._theme_problem = self._hard_to_read = ""
        self._begin_with_theme()

    def get_default_screen(self) -> Screen[Any]:
        """The first screen, without a blank one below it."""
        if isinstance(self.start, Home):
            from distill_tui.screens.home import HomeScreen

            return HomeScreen(self.start.runs_dir)
        return self._dashboard(self.start)

    def begin(self, start: Train | Resume | Watch, overlays: Sequence[Path] = ()) -> None:
        """Show a run, from the home screen, with other runs drawn over it."""
        self.push_screen(self._dashboard(start, overlays))

    def back(self) -> None:
        """From a run to the home screen, where one came from there; not from a run that trains here."""
        board = self.dashboard
        if board is None or not isinstance(self.start, Home):
            return
        if board.session.trains:
            self.notify("This run trains in this window; q leaves it.", markup=False)
            return
        self.session = None
        self.pop_screen()

    def leave(self, status: int) -> None:
        """Close the screen with this exit status, and say in one line how things stand."""
        board = self.dashboard
        if board is not None:
            from distill_tui.closing import closing_line

            self.closing_line = closing_line(board.snapshot, board.session)
        self.exit(status)

    def detach(self) -> None:
        """Close the screen; what trains here goes on without it."""
        if self.session is None or not self.session.trains:
            self.notify("Nothing trains in this window; q leaves it.", timeout=3, markup=False)
            return
        self.detaching = True
        self.leave(0)

    @property
    def dashboard(self) -> "Dashboard | None":
        """The dashboard, if a run is shown, even below a dialog."""
        from distill_tui.screens.dashboard import Dashboard

        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Dashboard)), None)

    def _dashboard(self, start: Train | Resume | Watch, overlays: Sequence[Path] = ()) -> "Dashboard":
        from distill_tui.screens.dashboard import Dashboard

        self.session = self.SESSION(start)
        return Dashboard(self.session, overlays)

    def on_mount(self) -> None:
        """After ctrl+z and fg the terminal is blank: draw all of it."""
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        if ways := usual().ways if isinstance(self.start, Home) else self.start.alerting.ways:
            from distill_tui.alerting_terminal import TerminalAlerts

            TerminalAlerts(self, ways)
        self.call_after_refresh(self._settled)

    def _settled(self) -> None:
        gc.enable()
        gc.freeze()
        if self._theme_problem:
            self.notify(self._theme_problem, severity="warning", markup=False)

    def say_paused(self) -> None:
        """At the shell's prompt nothing else would say what ctrl+z has done to the training."""
        if self.session is not None and self.session.trains:
            os.write(1, b"distill-tui: training is paused as well; fg goes on with it\r\n")

    async def action_quit(self) -> None:
        """Leave; while a run trains here, ask what becomes of it."""
        board = self.dashboard
        if board is None or not board.session.trains:
            self.leave(board.session.exit_status if board else 0)
            return
        from distill_tui.screens.dialogs import QuitDialog

        step = board.state.step
        name = board.snapshot.info.name if board.snapshot.info else board.session.name
        self.push_screen(
            QuitDialog(name, step.step if step else None, step.epoch if step else None), self._quit_answered
        )

    def _quit_answered(self, answer: str | None) -> None:
        board = self.dashboard
        if answer == "keep":
            self.detach()
        elif answer == "stop" and board is not None:
            board.leaving, board.refused = True, board.refusals()
            board.stop()

    def action_help(self) -> None:
        """The list of keys."""
        from distill_tui.screens.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        else:
            self.push_screen(HelpScreen())

    def action_redraw(self) -> None:
        """Draw every cell again."""
        self._painter.forget()
        self.refresh(layout=True)
        self.screen.refresh(layout=True)

    def action_choose_theme(self) -> None:
        """The list of themes, each seen while it is chosen."""
        from distill_tui.screens.choose_theme import ChooseTheme

        if not isinstance(self.screen, ChooseTheme):
            self.push_screen(ChooseTheme())

    def try_theme(self, name: str) -> bool:
        """Change to a theme by name for now; one that cannot be used leaves things as they are and says why."""
        try:
            self._load_theme(name)
        except ThemeError as error:
            self.notify(f"{clean(str(error))}; keeping {clean(self.theme)}", severity="error", markup=False)
            return False
        self.theme = name
        return True

    def choose_theme(self, name: str) -> bool:
        """As `try_theme`, and remember it."""
        if not self.try_theme(name):
            return False
        if self._remember_theme:
            try:
                themes.remember(name)
            except OSError as error:
                self.notify(
                    f"The theme could not be kept for next time: {error.strerror}", severity="warning", markup=False
                )
        self.notify(f"Theme {clean(name)}", timeout=2, markup=False)
        if self._hard_to_read:
            self.notify(self._hard_to_read, severity="warning", markup=False)
        return True

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Everything that a key does here, and the themes, for ctrl+p."""
        scopes: tuple[Scope, ...] = getattr(screen, "PALETTE_SCOPES", ("app",))
        for key in scoped(*scopes):
            if key.palette and key.id not in self.WITHOUT:
                title = key.label[:1].upper() + key.label[1:]
                yield SystemCommand(f"{title}  ({key.shown})", key.help, self._runner(key, screen))
        for name in themes.available():
            yield SystemCommand(
                f"Theme: {name}", "Change the colours; the choice is remembered", self._theme_chooser(name)
            )
        yield SystemCommand(
            "Screenshot", "Save this screen as an SVG file", lambda: self.set_timer(0.1, self.deliver_screenshot)
        )

    def _runner(self, key: Key, screen: Screen[Any]) -> Callable[[], Any]:
        namespace = self if key.scope == "app" else screen
        return lambda: self.call_later(self.run_action, key.action, namespace)

    def _theme_chooser(self, name: str) -> Callable[[], Any]:
        return lambda: self.choose_theme(name)

    @property
    def palette(self) -> themes.Palette:
        """What panels paint with in the theme in force."""
        return self._palettes[self.theme]

    def _begin_with_theme(self) -> None:
        """Have the right colours before anything is drawn: changing the theme later would style everything twice."""
        self._palettes: dict[str, themes.Palette] = {}
        name = themes.default_name()
        if self._remember_theme and not os.environ.get("NO_COLOR"):
            name = themes.remembered() or name
        try:
            self._load_theme(name)
        except ThemeError as error:
            problem, name = f"{clean(str(error))}; using {themes.DARK}", themes.DARK
            self._load_theme(name, themes.themes_folder() / f"{name}.toml")
        else:
            problem = self._hard_to_read
        self._theme_problem = problem
        self.set_reactive(App.theme, name)
        self.set_class(self.current_theme.dark, "-dark-mode", update=False)
        self.set_class(not self.current_theme.dark, "-light-mode", update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def _load_theme(self, name: str, path: Path | None = None) -> None:
        path = path or themes.available().get(name)
        if path is None:
            raise ThemeError(f"{name}: no such theme")
        found = themes.load(path)
        # Half blocks, which show two shades in a cell, have no likeness in ASCII: characters take their place.
        self._palettes[name] = replace(found.palette, shades=()) if self.ascii_only else found.palette
        self._hard_to_read = clean(found.hard_to_read)
        self.register_theme(found.theme)

    def _watch_theme(self, theme_name: str) -> None:
        super()._watch_theme(theme_name)
        from distill_tui.panels.panel import Panel

        for screen in self.screen_stack:
            for panel in screen.query(Panel):
                panel.repaint()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own, and ASCII last."""
        return [*super().get_line_filters(), self._ascii] if self.ascii_only else super().get_line_filters()

    def on_resize(self) -> None:
        """The terminal has moved its cells about."""
        self._painter.forget()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        from textual._compositor import CompositorUpdate

        if isinstance(renderable, CompositorUpdate):
            renderable = self._painter.difference(renderable)
        super()._display(screen, renderable)


def run_app(start: Start, *, on_hangup: OnHangup = "continue", front: "Front | None" = None) -> int:
    """Show the monitor until the person leaves; returns the exit status (0, 1, 2 or 75).

    A run that trains here goes on without a screen when the person detaches, and when the terminal hangs up unless
    `on_hangup` is "stop"; this returns when it has ended. `front` is told when the terminal is free before that.
    """
    from distill_tui.detach import show

    gc.disable()  # until the first frame: nothing that starts up is garbage
    app = DistillApp(start)
    try:
        return show(app, on_hangup, front)
    finally:
        if app.session is not None:
            app.session.tell_the_end()
