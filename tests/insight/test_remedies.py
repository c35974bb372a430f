"""What is offered has the right figures, and never a rate that is far above what the preset gives."""

import pytest

from core.insight.remedies import Settings, go_back, lower_rate
from core.training.presets import PRESETS


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("recipe", ["audio", "midi"])
@pytest.mark.parametrize("rate", [1e-4, 1e-3, 0.01, 0.1, 0.7, 1.0])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_no_rate_above_four_times_the_usual_is_offered(preset: str, recipe: str, rate: float, share: float) -> None:
    settings = Settings({"preset": preset, "recipe": recipe, "learning_rate": rate}.get)
    usual = 1e-3 if recipe == "midi" else PRESETS[preset].learning_rate
    (lower,), back = lower_rate(settings, share), go_back(settings, share)
    for offered in (lower.value, rate * back.value):
        assert offered <= 4 * usual * (1 + 1e-9)
        assert offered <= rate * share * (1 + 1e-9)
        if rate * share <= 4 * usual:  # what is well within that is as it was
            assert offered == pytest.approx(rate * share)


def test_the_words_say_the_true_share_and_lead_to_no_epoch_that_it_may_not_be() -> None:
    absurd = Settings({"preset": "conservative", "recipe": "audio", "learning_rate": 0.1}.get)
    (lower,) = lower_rate(absurd, 0.1)
    assert (lower.words, lower.value) == ("Take 1/50 of the learning rate, to 2e-3", 2e-3)
    assert go_back(absurd, 0.1).words == "Go back to before it began, at 1/50 of the rate"
    usual = Settings({"learning_rate": 1e-3}.get)  # of which nobody knows the preset
    assert lower_rate(usual)[0].words == "Halve the learning rate, to 5e-4"
    assert go_back(usual).words == "Go back to before it began, at half the rate"
