"""What the loss framework's terms count, by name: from what a step measured, so that no device is asked again."""

from collections.abc import Mapping

from core.losses.framework import ComprehensiveLossFramework

GENERATOR = ("gen_adversarial", "gen_feature_matching", "gen_perceptual")


def weighted(framework: ComprehensiveLossFramework) -> tuple[str, ...]:
    """The terms that the model's own total is made of."""
    return (*_reconstruction(framework), "kl_loss", *(f"constraint_{name}" for name in framework.constraints.weights))


def model_weights(framework: ComprehensiveLossFramework, terms: Mapping[str, float]) -> dict[str, float]:
    """What each of `weighted` counts in the total, from the terms that `model_side` measured.

    sum(weights[name] * terms[name]) is `total_loss`. With weights that learn the total holds more: for each of them its
    log-variance, times `constraint_weight` for the constraints', and where these reach their limit what their learned
    weight comes to beyond it. The model has no gradient from any of that.
    """
    bound, constraints = terms["weight_reconstruction"], terms["weight_musical_constraints"]
    return {
        **{name: bound * weight for name, weight in _reconstruction(framework).items()},
        "kl_loss": terms["weight_kl_divergence"],
        **{f"constraint_{name}": constraints * weight for name, weight in framework.constraints.weights.items()},
    }


def generator_weights(framework: ComprehensiveLossFramework, terms: Mapping[str, float]) -> dict[str, float]:
    """What each of GENERATOR counts in `gen_total`, by the weights that `model_side` measured at the same step."""
    weights = (terms["weight_adversarial_gen"], terms["weight_feature_matching"], framework.perceptual_weight)
    return dict(zip(GENERATOR, weights, strict=True))


def _reconstruction(framework: ComprehensiveLossFramework) -> dict[str, float]:
    """What the parts of the reconstruction count, as multiples of the first of them."""
    loss = framework.reconstruction
    if not loss.musical_weighting:
        return {"recon_base_reconstruction": 1.0}
    weights = framework.part_weights()
    structure = weights.structure / weights.reconstruction
    return {"recon_perceptual_reconstruction": 1.0, "recon_structure_emphasis": structure}
