"""The README tells the truth: its tables come from the code, and its commands are understood.

`python -m tests.test_readme` writes the parts between its markers anew.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from core.training.config import TrainingConfig, flatten, to_dict
from core.training.config_file import HEADER, dump_config
from core.training.kinds import KINDS
from core.training.presets import PRESETS, preset_for, resolve
from distill_tui.cli import COMMANDS, command_parser, load_command

README = Path(__file__).parent.parent / "README.md"


def commands_table() -> str:
    """The commands with the summaries of `distill-tui --help`."""
    rows = [("distill-tui", "home screen: recent runs, start a new one, watch one")]
    rows += [(f"distill-tui {name}", summary) for name, summary in COMMANDS.items()]
    return "\n".join(["| command | what it does |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows)])


def keys_table() -> str:
    """The keys of every screen."""
    from distill_tui.keys import markdown_table

    return markdown_table()


def presets_table() -> str:
    """The presets, and for how many files each is chosen."""
    chosen: dict[str, list[int]] = {}
    for count in range(1, 501):
        chosen.setdefault(preset_for(count).name, []).append(count)
    counts = list(chosen.values())
    files = {name: f"{low[0]} to {low[-1]}" for name, low in chosen.items()}
    files[preset_for(500).name] = f"{counts[-1][0]} and more"
    lines = [
        "| preset | files | dropout | weight decay | expansion | epochs | learning rate | KL warm-up | gradient clip |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {p.name} | {files[p.name]} | {p.dropout} | {p.weight_decay} | {p.augmentation_expansion} | {p.max_epochs} "
        f"| {p.learning_rate} | {p.kl_warmup_fraction} | {p.gradient_clip_norm} |"
        for p in PRESETS.values()
    ]
    return "\n".join(lines)


def defaults() -> str:
    """The default config as TOML; beside what is left open stands what it becomes."""
    plain = flatten(to_dict(TrainingConfig()))
    settled = {
        kind.noun: flatten(to_dict(resolve(TrainingConfig(recipe=kind.name), 63, 50, frozenset())))
        for kind in KINDS.values()
    }
    section, lines = "", []
    for line in dump_config(TrainingConfig()).removeprefix(HEADER).strip().splitlines():
        section = f"{line[1:-1]}." if line.startswith("[") else section
        key = section + line.partition(" = ")[0]
        becomes = {noun: values[key] for noun, values in settled.items() if key in values and key in plain}
        if all(value == plain.get(key) for value in becomes.values()) or key == "recipe":
            lines.append(line)
        else:
            words = ", ".join(f"{value} for 63 {noun}s" for noun, value in becomes.items())
            lines.append(f"{line}  # left open: {words}")
    return "\n".join(["```toml", *lines, "```"])


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands_table,
    "keys": keys_table,
    "presets": presets_table,
    "defaults": defaults,
}


def rewritten(text: str) -> str:
    """The README with every marked part as the code has it now."""
    for name, make in PARTS.items():
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)"
        part = make()
        text, found = re.subn(pattern, lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text, flags=re.DOTALL)
        assert found == 1, f"the README has {found} parts marked {name}"
    return text


def shell_lines() -> list[str]:
    """Every distill-tui command of the README's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line[line.index("distill-tui ") :] for line in lines if "distill-tui " in line]


def test_the_tables_are_those_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == rewritten(text), "write it anew with: python -m tests.test_readme"


@pytest.mark.parametrize("line", shell_lines())
def test_a_command_of_the_readme_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)
    command_parser(words[1], load_command(words[1])).parse_all(words[2:])


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_readme_names_nothing_of_one_machine() -> None:
    assert not re.search(r"/home/|/root/|/work/", README.read_text(encoding="utf-8"))


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
