"""Principal components: the known answer where there is one, whatever the amount of material."""

import pytest
import torch

from core.models.principal import PrincipalComponents


def test_the_directions_and_variances_of_a_known_gaussian_are_found() -> None:
    generator = torch.Generator().manual_seed(0)
    axes, _ = torch.linalg.qr(torch.randn(30, 30, generator=generator))
    deviations = torch.tensor([9.0, 4.0, 2.0])
    rows = torch.randn(20_000, 3, generator=generator) * deviations @ axes[:3] + 7
    rows += 0.1 * torch.randn(20_000, 30, generator=generator)
    components = PrincipalComponents(30, 3)

    components.fit(rows)

    torch.testing.assert_close(components.scale, (deviations.square() + 0.01).sqrt(), rtol=0.03, atol=0)
    torch.testing.assert_close((components.basis @ axes[:3].T).abs(), torch.eye(3), rtol=0, atol=0.02)
    torch.testing.assert_close(components.residual, torch.tensor(0.01 * 27 / 30), rtol=0.05, atol=0)
    scores = components.analyze(rows)
    torch.testing.assert_close(scores.mean(0), torch.zeros(3), rtol=0, atol=1e-3)
    torch.testing.assert_close(scores.std(0), torch.ones(3), rtol=1e-3, atol=0)
    assert (components.synthesize(scores) - rows).std() < 0.1


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_few_samples_are_carried_exactly_and_never_make_nan(samples: int) -> None:
    rows = torch.randn(samples, 12, generator=torch.Generator().manual_seed(0))
    components = PrincipalComponents(12, 8)

    components.fit(rows)

    torch.testing.assert_close(components.synthesize(components.analyze(rows)), rows, rtol=1e-4, atol=1e-4)
    assert components.unexplained(8) > 0
    assert int(components.found.sum()) == samples - 1
    variance = (rows - rows.mean(0)).square().sum() / samples
    torch.testing.assert_close(components.unexplained(0), variance / 12, rtol=1e-3, atol=1e-4)


def test_fitting_is_repeatable_and_leaves_the_random_numbers_alone() -> None:
    rows = torch.randn(50, 12, generator=torch.Generator().manual_seed(0))
    first, second = PrincipalComponents(12, 4), PrincipalComponents(12, 4)
    torch.manual_seed(5)
    first.fit(rows)
    after = torch.rand(1)
    torch.manual_seed(6)
    second.fit(rows)

    assert torch.equal(first.basis, second.basis)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
