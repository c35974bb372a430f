"""The token VAE: what may know of what, writing as reading, and that a latent comes to be used."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.midi.tokens import decode, encode
from core.midi.vocabulary import ABSENT, SIZE, TIME_SHIFT, VELOCITY, Note
from core.models.token_state import advance, allowed, start_state
from core.models.token_vae import TokenVAE


def scales(batch: int = 4, count: int = 12) -> Tensor:
    """Major scales from another pitch and at another pace in each row, over a held fifth."""
    rows = []
    for row in range(batch):
        pitch, pace = 55 + row % 12, (8, 16)[row // 12 % 2]
        steps = [0, 2, 4, 5, 7, 9, 11, 12]
        notes = [Note(i * pace, (i + 1) * pace, pitch + steps[i % 8], 3) for i in range(count)]
        rows.append(encode([*notes, Note(0, count * pace, pitch - 12, 3), Note(0, count * pace, pitch - 5, 3)]))
    length = max(map(len, rows))
    return torch.tensor([row + [ABSENT] * (length - len(row)) for row in rows])


def small(seed: int = 0, **changes: float) -> TokenVAE:
    torch.manual_seed(seed)
    model = TokenVAE(latent_dim=8, width=32, encoder_layers=1, decoder_layers=2, heads=2, **changes)  # type: ignore[arg-type]
    return model.eval()


def padded(tokens: Tensor, more: int) -> Tensor:
    return functional.pad(tokens, (0, more), value=ABSENT)


def test_it_is_small_by_default() -> None:
    assert sum(p.numel() for p in TokenVAE().parameters()) < 5e6


def test_shapes_and_that_evaluation_takes_the_mean() -> None:
    model, tokens = small(), scales()
    output = model(tokens)
    assert output.logits.shape == (*tokens.shape, SIZE)
    assert output.mu.shape == output.logvar.shape == (4, 8)
    torch.testing.assert_close(output.logits, model.decode(output.mu, tokens))
    model.train()
    assert not torch.equal(model(tokens).logits, model(tokens).logits)


@pytest.mark.parametrize("more", [1, 4, 30])
def test_padding_never_changes_what_is_read(more: int) -> None:
    model, tokens = small(), scales()
    for plain, longer in zip(model.encode(tokens), model.encode(padded(tokens, more)), strict=True):
        torch.testing.assert_close(longer, plain)


def test_padding_never_changes_what_is_written() -> None:
    model, tokens = small(), scales()
    z = torch.randn(4, 8)
    logits = model.decode(z, padded(tokens, 9))
    torch.testing.assert_close(logits[:, : tokens.shape[1]], model.decode(z, tokens))


def test_a_row_of_nothing_but_padding_is_finite_and_so_are_its_slopes() -> None:
    model = small().train()
    tokens = torch.cat([scales(1), torch.full_like(scales(1), ABSENT)])
    output = model(tokens)
    (output.logits[0].sum() + output.mu.sum() + output.logvar.sum()).backward()
    assert all(torch.isfinite(field).all() for field in output)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("place", [0, 5, 20])
def test_logits_know_nothing_of_what_is_to_come(place: int) -> None:
    model, tokens = small(), scales()
    z = torch.randn(4, 8)
    other = tokens.clone()
    other[:, place] = (other[:, place].clamp(min=0) + 1) % SIZE
    before, after = model.decode(z, tokens), model.decode(z, other)
    torch.testing.assert_close(after[:, : place + 1], before[:, : place + 1])
    assert not torch.allclose(after[:, place + 1], before[:, place + 1])


def test_every_logit_knows_the_latent_and_every_weight_has_a_slope() -> None:
    model, tokens = small().train(), scales()
    z = torch.randn(4, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(model.decode(z, tokens)[1, 0].logsumexp(-1), z)
    assert slope[1].all()
    assert not slope[0].any()
    output = model(tokens)
    functional.cross_entropy(output.logits.mT, tokens, ignore_index=ABSENT).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_log_variance_is_bounded_and_still_has_a_slope() -> None:
    model = small()
    with torch.no_grad():
        model.encoder.log_variance.bias.fill_(30.0)
    log_variance = model.encode(scales())[1]
    assert log_variance.max() <= 10
    log_variance.sum().backward()
    assert model.encoder.log_variance.bias.grad is not None
    assert model.encoder.log_variance.bias.grad.all()


def test_dropped_tokens_are_not_seen() -> None:
    """With all of them dropped, only the latent and what the state makes of the logits are left to go by."""
    model = small(token_dropout=1 - 1e-9).train()
    tokens = scales(2)
    place = tokens.shape[1] - 8
    other = tokens.clone()
    other[:, :place] = tokens[:, :place].roll(1, dims=0)  # the same in another key
    z = torch.randn(2, 8)
    times = slice(TIME_SHIFT, VELOCITY)
    torch.testing.assert_close(model.decode(z, other)[:, place, times], model.decode(z, tokens)[:, place, times])
    model.eval()
    seen = model.decode(z, tokens)[:, place, times]
    assert not torch.allclose(model.decode(z, other)[:, place, times], seen, atol=1e-2)


class TestWriting:
    def test_it_says_token_by_token_what_reading_says_at_once(self) -> None:
        """Greedy writing takes the likeliest allowed token of the logits that reading its result gives."""
        model = small()
        z = torch.randn(3, 8)
        written = model.write(z, 40, generator=torch.Generator(), temperature=0.0)
        logits = model.decode(z, written)
        state = start_state(3)
        for place in range(40):
            expected = logits[:, place].masked_fill(~allowed(state), -torch.inf).amax(-1)
            taken = logits[:, place].gather(-1, written[:, place, None])[:, 0]
            torch.testing.assert_close(taken, expected, rtol=1e-4, atol=1e-4)
            state = advance(state, written[:, place])

    def test_a_primer_is_as_if_written(self) -> None:
        model = small()
        z = torch.randn(2, 8)
        whole = model.write(z, 30, generator=torch.Generator(), temperature=0.0)
        rest = model.write(z, 20, generator=torch.Generator(), temperature=0.0, primer=whole[:, :10])
        assert torch.equal(rest, whole[:, 10:])

    def test_a_primer_with_gaps_is_refused(self) -> None:
        with pytest.raises(ValueError, match="equally long"):
            small().write(torch.zeros(1, 8), 4, generator=torch.Generator(), primer=torch.tensor([[VELOCITY, ABSENT]]))

    @pytest.mark.parametrize("temperature", [1.0, 3.0])
    def test_what_it_writes_is_canonical(self, temperature: float) -> None:
        written = small().write(
            torch.randn(4, 8), 80, generator=torch.Generator().manual_seed(3), temperature=temperature
        )
        state = start_state(4)
        for token in written.T:
            assert allowed(state).gather(-1, token[:, None]).all()
            state = advance(state, token)
        assert all(any(token < 128 for token in row) and decode(row) for row in written.tolist())

    @pytest.mark.parametrize(("length", "steps"), [(0, None), (5, 0)])
    def test_nothing_may_be_asked_for(self, length: int, steps: int | None) -> None:
        written = small().write(torch.zeros(2, 8), length, generator=torch.Generator(), steps=steps)
        assert written.shape == (2, 0)

    def test_the_generator_decides(self) -> None:
        model, z = small(), torch.randn(2, 8)
        first, again, other = (model.write(z, 20, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_rows_end_when_their_time_is_up(self) -> None:
        model = small()
        written = model.write(torch.randn(6, 8), 200, generator=torch.Generator().manual_seed(0), steps=300)
        ended = (written < 0).any(dim=1)
        state = start_state(6)
        for token in written.T:
            state = advance(state, token)
        assert ended.any()
        assert (state.now[ended] == 300).all()
        assert (state.now <= 300).all()
        absent = (written < 0).int()
        assert torch.equal(absent.cummax(dim=1).values, absent), "ABSENT only at the end"

    def test_a_small_share_of_the_likeliest_is_almost_greedy(self) -> None:
        model, z = small(), torch.randn(2, 8)
        greedy = model.write(z, 20, generator=torch.Generator(), temperature=0.0)
        assert torch.equal(model.write(z, 20, generator=torch.Generator().manual_seed(1), top_p=1e-6), greedy)


def test_it_learns_and_the_latent_tells_one_row_from_another() -> None:
    """After a short training a row's own latent predicts its first notes, and that of another row does not."""
    model = small(token_dropout=0.3).train()
    tokens = scales(6, 4)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(150):
        output = model(tokens)
        loss = functional.cross_entropy(output.logits.mT, tokens, ignore_index=ABSENT)
        kl = 0.5 * (output.mu.square() + output.logvar.exp() - 1 - output.logvar).sum(1).mean()
        optimizer.zero_grad()
        (loss + 0.001 * kl).backward()
        optimizer.step()
    model.eval()
    mean, _ = model.encode(tokens)
    own = model.decode(mean, tokens)[:, 1].argmax(-1)
    other = model.decode(mean.roll(1, dims=0), tokens)[:, 1].argmax(-1)
    assert (own == tokens[:, 1]).float().mean() > 0.9
    assert (other == tokens[:, 1]).float().mean() < 0.3

    model.fit_density([tokens[:3], tokens[3:]])
    drawn = model.sample(5, torch.Generator().manual_seed(0))
    assert drawn.shape == (5, 8)
    first = model.write(drawn, 2, generator=torch.Generator(), temperature=0.0)
    assert set(first[:, 1].tolist()) <= set(tokens[:, 1].tolist())
