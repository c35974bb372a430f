"""The names of everything that the loss framework measures, and what each of them means. Without torch."""

from core.run.events import TermInfo

TERMS = (
    TermInfo("total_loss", "total", "total", judged=False,
             help="What the model minimises, the adversary left out. With weights that learn it may fall below 0."),
    TermInfo("recon_base_reconstruction", "token loss", "reconstruction",
             help="How surprised the model is by the next token, in nats. Guessing among all tokens would be 6.7."),
    TermInfo("recon_perceptual_reconstruction", "perceptual", "reconstruction",
             help="The same with each token counted for what the ear makes of it: notes, common note values, onsets."),
    TermInfo("recon_structure_emphasis", "onsets", "reconstruction",
             help="How surprised the model is that a note begins here, or that none does. 0.69 is tossing a coin."),
    TermInfo("recon_total", "reconstruction", "reconstruction", judged=False,
             help="The perceptual loss and a share of the onsets': what the model minimises of the reconstruction."),
    TermInfo("kl_loss", "KL a token", "kl", judged=False,
             help="Nats that the latent costs a token, every dimension counted as its free bits at least."),
    TermInfo("kl_raw", "KL", "kl", judged=False,
             help="Nats that the latent says of a window, all dimensions together. Near 0 it says nothing (collapse)."),
    TermInfo("beta", "beta", "kl", judged=False,
             help="How much the KL counts now. 1 is the bound on the likelihood; schedules raise it slowly."),
    TermInfo("gen_adversarial", "fooling", "adversarial", judged=False,
             help="How far the model's tunes are from passing as real: 0 passes, 1 is even, above 1 it is found out."),
    TermInfo("gen_feature_matching", "features", "adversarial", judged=False,
             help="How far the model is from the original in what the discriminator looks at. Lower is closer."),
    TermInfo("gen_perceptual", "manner", "adversarial", judged=False,
             help="How far the model is from the original in manner, wherever in the tune things happen."),
    TermInfo("gen_total", "generator", "adversarial", judged=False,
             help="The three above at their weights: the direction in which the adversary pulls the model."),
    TermInfo("gen_balanced", "generator, balanced", "adversarial", judged=False,
             help="The same at the scale that keeps the adversary's pull as strong as that of all other terms."),
    TermInfo("disc_adversarial", "disc loss", "adversarial", judged=False,
             help="The discriminator's own loss: 2 knows nothing, 0 is never wrong. Neither end is good; between is."),
    TermInfo("disc_regularization", "disc R1", "adversarial", judged=False,
             help="How steep the discriminator is at real tunes. It is held down so that the model can follow."),
    TermInfo("disc_total", "discriminator", "adversarial", judged=False,
             help="What the discriminator minimises: its loss at its weight, and R1 at those steps that measure it."),
    TermInfo("disc_balanced", "discriminator, balanced", "adversarial", judged=False,
             help="The same, and 0 while the discriminator rests because it wins too easily."),
    TermInfo("disc_accuracy", "disc accuracy", "adversarial", judged=False,
             help="How often the discriminator is right: 0.5 is guessing, 1 always. Too near to 1 it rests a while."),
    TermInfo("constraint_rhythm_constraint", "rhythm", "constraints", judged=False,
             help="How far the next onsets are from simple proportions: 0 is regular, times at random about 0.25."),
    TermInfo("constraint_harmony_constraint", "harmony", "constraints", judged=False,
             help="How harsh the intervals that sound together are: 0 octaves, 0.3 thirds, near 1 seconds, tritones."),
    TermInfo("constraint_voice_leading_constraint", "voice leading", "constraints", judged=False,
             help="How far the top line leaps: 0 up to a fifth, 1 from an octave and a fifth on."),
    TermInfo("constraint_total", "constraints", "constraints", judged=False,
             help="The three constraints, each at its own weight."),
    TermInfo("weight_reconstruction", "of reconstruction", "weights", judged=False,
             help="What the reconstruction counts. A weight that learns comes to 1 over its loss."),
    TermInfo("weight_kl_divergence", "of KL", "weights", judged=False,
             help="What the KL counts: beta times the reconstruction's weight. It never learns by itself."),
    TermInfo("weight_adversarial_gen", "of fooling", "weights", judged=False,
             help="What fooling the discriminator counts in the adversary's pull."),
    TermInfo("weight_adversarial_disc", "of disc loss", "weights", judged=False,
             help="What its own loss counts for the discriminator, against R1. Never above what was asked for."),
    TermInfo("weight_feature_matching", "of features", "weights", judged=False,
             help="What feature matching counts in the adversary's pull."),
    TermInfo("weight_musical_constraints", "of constraints", "weights", judged=False,
             help="What the constraints count. They never come to more than their share of the reconstruction."),
    TermInfo("reconstruction_accuracy", "accuracy", "metrics", judged=False,
             help="How often the likeliest token is the right one, from 0 to 1."),
    TermInfo("perplexity", "perplexity", "metrics", judged=False,
             help="Among how many tokens, equally likely, the model might as well be choosing. 774 knows nothing."),
    TermInfo("active_latent_dims", "active dims", "metrics", judged=False,
             help="Latent dimensions that say more than 0.1 nats. Few of them means that the latent is hardly used."),
)  # fmt: skip

GROUPS = {term.name: term.group for term in TERMS}

# What is only there while a discriminator plays.
ADVERSARIAL = tuple(
    term.name
    for term in TERMS
    if term.group == "adversarial"
    or term.name in ("weight_adversarial_gen", "weight_adversarial_disc", "weight_feature_matching")
)
