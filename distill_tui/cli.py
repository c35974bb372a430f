"""The command line: finds the command, parses its arguments, and turns errors into one line and an exit status."""

import argparse
import difflib
import importlib
import logging
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn, get_args

from core.errors import UsageError
from distill_tui.errors import BAD_USAGE, FAILED, CommandError, RequestError, complain
from distill_tui.terminal import OnHangup, let_go_of_output

COMMANDS = {
    "demo": "make a small set of sounds, train on them and monitor it",
    "train": "train on a folder of sounds or tunes",
    "resume": "train on where a run stopped",
    "watch": "monitor a run of another process or on HOST:RUN; --replay for one that is over; --web for a browser",
    "serve": "answer a monitor on another host over stdin and stdout (watch HOST:RUN starts it through ssh)",
    "runs": "list the runs",
    "save": "ask a live run to save a checkpoint",
    "stop": "ask a live run to save and stop",
    "reconstruct": "hear what a run's model makes of sounds or tunes, into files",
    "generate": "make new sounds or tunes with a run's model, into files",
    "export": "write a run for other programs: TensorBoard, CSV, JSON, safetensors, TorchScript, ONNX",
    "landscape": "say how flat or sharp the loss is around a run's checkpoint",
    "report": "write a run as one page to look at, listen to and send",
    "inspect": "say what a checkpoint holds",
    "doctor": "check this machine: torch, sound, terminal, disk",
}

EPILOG = """\
Without a command: the home screen, with recent runs and a form to start a new one.

exit status: 0 finished, or stopped on request with a checkpoint saved; 1 the run failed;
2 bad usage, config or data; 75 preempted with a checkpoint saved: by SIGTERM or SIGINT, and by a hang-up (SIGHUP) while
headless or with --on-hangup stop; else a screen that hangs up leaves the training going on"""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line and name the nearest option."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the command that shows the right usage."""
        raise CommandError(message, hint=f"{self.prog} --help")

    def parse_all(self, argv: list[str]) -> argparse.Namespace:
        """Parse `argv` to its last word. Raises CommandError, with the nearest option for one that does not exist."""
        args, unknown = self.parse_known_args(argv)
        if unknown:
            word = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(word, self._option_string_actions, n=1)
            self.error(f"{unknown[0]} is not understood" + (f"; did you mean {near[0]}?" if near else ""))
        return args


def main(argv: list[str] | None = None) -> int:
    """Run one command line (default: this process's own) and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    logging.getLogger("core").addHandler(logging.NullHandler())  # what failed is told in one line, not as a traceback
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except CommandError as error:
        complain(error, error.hint)
        return BAD_USAGE
    except UsageError as error:
        complain(error)
        return BAD_USAGE
    except RequestError as error:
        complain(error)
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone (`distill-tui runs | head`)
        let_go_of_output()
        return FAILED


def _run(words: list[str]) -> int:
    if not words:
        from distill_tui.commands import home

        return home.run()
    name = words[0]
    if name not in COMMANDS:
        return _run_top_level(words)
    command = load_command(name)
    args = command_parser(name, command).parse_all(words[1:])
    status: int = command.run(args)
    return status


def load_command(name: str) -> ModuleType:
    """The module of a command: `add_arguments(parser)` and `run(args) -> int`."""
    return importlib.import_module(f"distill_tui.commands.{name}")


def command_parser(name: str, command: ModuleType) -> Parser:
    """The parser of one command."""
    summary = COMMANDS[name]
    parser = Parser(prog=f"distill-tui {name}", description=f"{summary[0].upper()}{summary[1:]}.")
    command.add_arguments(parser)
    return parser


def top_level_parser() -> Parser:
    """The parser that only prints: the list of commands, and the version."""
    listing = "\n".join(f"  {name:<11} {summary}" for name, summary in COMMANDS.items())
    parser = Parser(
        prog="distill-tui",
        usage="distill-tui [COMMAND] [OPTIONS]",
        description="Train a generative model on your own sounds or tunes, watch it learn and hear it improve.\n\n"
        f"commands (distill-tui COMMAND --help explains one):\n{listing}",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--on-hangup", choices=get_args(OnHangup),
                        help="the home screen; what becomes of a training there when the terminal is lost")  # fmt: skip
    return parser


def _run_top_level(words: list[str]) -> int:
    word = words[0]
    if word.startswith("-"):
        args = top_level_parser().parse_all(words)
        if args.version:
            from importlib.metadata import version

            print(f"distill-tui {version('distill-tui')}")  # noqa: T201 - what was asked for
        elif args.on_hangup:
            from distill_tui.commands import home

            return home.run(on_hangup=args.on_hangup)
        return 0
    if Path(word).is_dir():
        raise CommandError(f"{word} is a folder, not a command", hint=f"distill-tui train {shlex.quote(word)}")
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    raise CommandError(
        f"{word} is not a command" + (f"; did you mean {near[0]}?" if near else ""), hint="distill-tui --help"
    )
