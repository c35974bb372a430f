"""torchaudio is there beside any build of torch, and the stand-in only where its own extension cannot load."""

import subprocess
import sys

import pytest
import torch

from core.audio.transforms import resample


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


FAILURES = (
    "None",
    "OSError('libcudart.so.13: cannot open shared object file')",
    "RuntimeError('PyTorch has CUDA version 12.8 whereas TorchAudio has CUDA version 13.0')",
)


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    """What a process finds, by how the compiled extension fails there: forks of one that has loaded torch."""
    code = f"""
import importlib.abc, importlib.machinery, os, sys
import torch
class Extension(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name == "torchaudio._extension":
            return importlib.machinery.ModuleSpec(name, self)
    def exec_module(self, module):
        if failure:
            raise failure
        module.__dict__.update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, fail_if_no_align=lambda f: f,
                               _load_lib=lambda name: False, real=True)
sys.meta_path.insert(0, Extension())
for failure in ({", ".join(FAILURES)},):
    if os.fork() == 0:
        from core.audio.transforms import resample
        real = hasattr(sys.modules["torchaudio._extension"], "real")
        print(real, resample(torch.zeros(1, 441), 44100, 48000).shape[-1])
        sys.exit()
    os.wait()
"""
    return dict(zip(FAILURES, run(code).splitlines(), strict=True))


@pytest.mark.parametrize(("failure", "stands_in"), [(failure, failure != "None") for failure in FAILURES])
def test_the_stand_in_is_only_there_where_it_is_needed(found: dict[str, str], failure: str, stands_in: bool) -> None:
    """A finder plays the compiled extension: it loads, or fails as it does beside another build of torch."""
    assert found[failure] == f"{not stands_in} 480"


def test_only_one_module_imports_torchaudio() -> None:
    assert run("import sys, core.audio.files, core.training.config; print('torchaudio' in sys.modules)") == "False"


@pytest.mark.parametrize(("rate", "new_rate"), [(44_100, 48_000), (96_000, 48_000), (8_000, 192_000), (44_101, 47_999)])
def test_lengths_follow_the_ratio(rate: int, new_rate: int) -> None:
    assert resample(torch.zeros(1, rate), rate, new_rate).shape[-1] == pytest.approx(new_rate, abs=60)


def test_equal_rates_change_nothing() -> None:
    waveform = torch.randn(2, 100)
    assert resample(waveform, 48_000, 48_000) is waveform
