"""The loss landscape: exact where it is known, blind to how filters are scaled, and without a trace on the model."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.insight.curvature import NoGradient
from core.insight.landscape import Cancelled, LossLandscapeAnalyzer
from core.insight.landscape_directions import orthogonal_direction, random_direction
from core.insight.landscape_figure import is_our_png, png
from core.insight.landscape_record import (
    HIGHEST,
    Curvature,
    EpsilonSharpness,
    Landscape,
    LandscapeError,
    Line,
    Surface,
    decode,
    encode,
)
from core.insight.landscape_words import LITTLE, STEEP_UPHILL, barrier, facts, remarks, room, verdict

torch.set_num_threads(1)


class Point(nn.Module):
    """A model that is a matrix of numbers; its filters are the rows."""

    def __init__(self, *rows: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(rows))


def quadratic(*eigenvalues: float) -> Callable[[nn.Module], Tensor]:
    """w' H w / 2 with the eigenvalues of H given, in turned axes."""
    size = len(eigenvalues)
    turned = torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(1)))[0]
    hessian = turned @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float32)) @ turned.T

    def loss(model: nn.Module) -> Tensor:
        w = torch.cat([p.flatten() for p in model.parameters()])
        return w @ hessian @ w / 2

    return loss


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.BatchNorm1d(4), nn.Flatten(), nn.Linear(24, 3))


BATCH = torch.randn(5, 1, 8, generator=torch.Generator().manual_seed(2))


def squared(model: nn.Module) -> Tensor:
    output: Tensor = model(BATCH)
    return output.square().mean()


@pytest.mark.parametrize("eigenvalues", [(9.0, 2.0, 1.0, -3.0), (-9.0, 2.0, 1.0, 3.0), (0.5, 0.4, 0.0, 0.0)])
def test_the_top_eigenvalue_of_a_quadratic_is_exact_with_its_sign(eigenvalues: tuple[float, ...]) -> None:
    analyzer = LossLandscapeAnalyzer(Point([1.0, 2.0], [3.0, 4.0]), quadratic(*eigenvalues))
    found = analyzer.top_eigenvalue(iterations=500, tolerance=1e-4)
    assert found.converged
    assert found.eigenvalue == pytest.approx(max(eigenvalues, key=abs), rel=1e-4)
    assert found.residual <= 1e-4


def test_too_few_iterations_are_told_by_the_residual() -> None:
    found = LossLandscapeAnalyzer(Point([1.0, 2.0], [3.0, 4.0]), quadratic(9, 8.9, -8.8, 1)).top_eigenvalue(3)
    assert (found.iterations, found.converged) == (3, False)
    assert found.residual > 0.05
    found = LossLandscapeAnalyzer(Point([1.0, 2.0]), quadratic(4, -4)).top_eigenvalue(40)
    assert not found.converged  # both at once: neither is claimed


def test_a_linear_model_bends_by_twice_the_second_moment_of_its_inputs_and_a_linear_loss_not_at_all() -> None:
    inputs = torch.randn(50, 6, generator=torch.Generator().manual_seed(3))
    model = nn.Linear(6, 1, bias=False)
    found = LossLandscapeAnalyzer(model, lambda m: (m(inputs) - 1).square().mean()).top_eigenvalue(400, 1e-5)
    exact = torch.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs))[-1]
    assert found.eigenvalue == pytest.approx(float(exact), rel=1e-4)
    assert LossLandscapeAnalyzer(model, lambda m: m(inputs).mean()).top_eigenvalue().eigenvalue == 0


class OnceOnly(torch.autograd.Function):
    """The square, whose derivative torch is not told how to derive again."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)  # type: ignore[attr-defined]
        return x.square()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return NotTwice.apply(2 * x * grad)


class NotTwice(torch.autograd.Function):
    """The identity, without a derivative."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        raise NotImplementedError("the derivative is not implemented")


def test_where_there_is_no_second_derivative_differences_of_the_gradient_are_taken() -> None:
    model = Point([1.0, 2.0], [3.0, 4.0])
    before = model.weight.detach().clone()
    scales = torch.tensor([[1.0, 2.0], [3.0, -8.0]])
    found = LossLandscapeAnalyzer(model, lambda m: (OnceOnly.apply(m.weight) * scales).sum()).top_eigenvalue(200, 1e-3)
    assert found.eigenvalue == pytest.approx(-16, rel=1e-2)
    assert not found.exact
    assert torch.equal(before, model.weight)


def test_the_step_uphill_is_exact_on_a_quadratic() -> None:
    loss, model = quadratic(4, 4), Point([3.0, 4.0])  # 2 |w|^2, so uphill is straight outwards
    found = LossLandscapeAnalyzer(model, loss).epsilon_sharpness(rho=0.5)
    assert found.gradient_norm == pytest.approx(20)
    assert found.rise == pytest.approx(2 * (5.5**2 - 5**2), rel=1e-5)
    assert LossLandscapeAnalyzer(Point([0.0, 0.0]), loss).epsilon_sharpness().rise == 0
    with pytest.raises(NoGradient):
        LossLandscapeAnalyzer(model, lambda m: loss(m).detach()).epsilon_sharpness()


def test_the_line_and_the_surface_of_a_quadratic_are_exact() -> None:
    loss, model = quadratic(2, 2, 2, 2), Point([3.0, 0.0], [0.0, 4.0])  # |w|^2
    analyzer = LossLandscapeAnalyzer(model, loss, seed=5)
    surface, line = analyzer.surface(5, 2.0), analyzer.line(5, 2.0)
    assert surface.positions == (-2, -1, 0, 1, 2)
    assert surface.lines()[0] == line  # the same direction
    assert surface.center == line.at(0) == float(loss(model).detach())
    # Along a direction as long as the weights the second difference is 2 |d|^2 = 2 |w|^2, whatever was drawn.
    for seen in surface.lines():
        assert seen.at(1) + seen.at(-1) - 2 * seen.at(0) == pytest.approx(2 * 25, rel=1e-5)
    # And at right angles the two add up.
    corner = surface.losses[4][4] + surface.losses[0][0] - 2 * surface.center
    assert corner == pytest.approx(2 * 4 * (25 + 25), rel=1e-5)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_directions_are_as_long_as_each_filter_and_at_right_angles(seed: int) -> None:
    weights = [torch.randn(4, 1, 3), torch.randn(3, 24), torch.randn(3), torch.randn(5, 2), torch.zeros(2, 2)]
    generator = torch.Generator().manual_seed(seed)
    first = random_direction(weights, generator)
    second = orthogonal_direction(weights, first, generator)
    for weight, a, b in zip(weights, first, second, strict=True):
        if weight.ndim < 2:
            assert not a.any()
            assert not b.any()
            continue
        lengths = weight.flatten(1).norm(dim=1)
        assert torch.allclose(a.flatten(1).norm(dim=1), lengths, rtol=1e-5)
        assert torch.allclose(b.flatten(1).norm(dim=1), lengths, rtol=1e-5)
        assert ((a * b).flatten(1).sum(1).abs() <= 1e-5 * lengths.square()).all()


def test_a_filter_of_one_number_has_no_second_direction() -> None:
    weights = [torch.tensor([[2.0], [-3.0]])]
    first = random_direction(weights, torch.Generator().manual_seed(0))
    assert first[0].abs().tolist() == [[2.0], [3.0]]
    assert not orthogonal_direction(weights, first, torch.Generator().manual_seed(1))[0].any()


def test_scaling_filters_that_cancel_out_changes_nothing_that_is_seen() -> None:
    torch.manual_seed(0)
    inputs, target = torch.randn(20, 6), torch.randn(20, 3)
    model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))
    scaled = nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))
    with torch.no_grad():
        scaled[0].weight.copy_(model[0].weight * 64)
        scaled[2].weight.copy_(model[2].weight / 64)

    def loss(m: nn.Module) -> Tensor:
        return nn.functional.mse_loss(m(inputs), target)

    one, other = (LossLandscapeAnalyzer(m, loss).surface(5) for m in (model, scaled))
    assert one == other  # by a power of two: the very same numbers
    # Without normalisation the second looks far sharper, as its curvature says it is.
    top = [LossLandscapeAnalyzer(m, loss).top_eigenvalue().eigenvalue for m in (model, scaled)]
    assert top[1] > 10 * top[0]


def test_the_way_to_another_checkpoint_begins_and_ends_at_the_two() -> None:
    model, other = network(0).eval(), network(1).eval()
    other[2].running_mean.add_(0.5)  # statistics go along
    path = LossLandscapeAnalyzer(model, squared).path(other.state_dict(), points=5)
    assert path.positions == (-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25)
    assert path.at(0) == float(squared(model).detach())
    assert path.at(1) == pytest.approx(float(squared(other).detach()), rel=1e-5)
    with pytest.raises(LandscapeError, match="missing"):
        LossLandscapeAnalyzer(model, squared).path(nn.Linear(2, 2).state_dict())


class Broken(Exception):
    """Raised amid a measurement."""


@pytest.mark.parametrize("how", ["done", "cancelled", "raising"])
@pytest.mark.parametrize("measure", ["line", "surface", "path", "top_eigenvalue", "epsilon_sharpness"])
def test_the_model_is_as_it_was_to_the_bit(measure: str, how: str) -> None:
    model = network().train()  # so that its statistics move as well
    model(BATCH).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    end = network(1).state_dict()
    random = torch.get_rng_state()
    calls, looks = count(1), count(1)

    def loss(m: nn.Module) -> Tensor:
        if how == "raising" and next(calls) == (1 if measure == "top_eigenvalue" else 2):
            raise Broken
        return squared(m) + torch.randn(())

    analyzer = LossLandscapeAnalyzer(model, loss, cancelled=lambda: how == "cancelled" and next(looks) > 2)
    ask = getattr(analyzer, measure)
    arguments = {"path": (end, 3), "surface": (3,), "line": (3,)}.get(measure, ())
    if how == "done":
        ask(*arguments)
    else:
        with pytest.raises(Cancelled if how == "cancelled" else Broken):
            ask(*arguments)
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(torch.equal(g, p.grad) for g, p in zip(gradients, model.parameters(), strict=True))
    assert torch.equal(random, torch.get_rng_state())
    assert model.training


def test_noise_is_the_same_at_every_point_and_the_seed_decides_the_rest() -> None:
    model = network().eval()

    def noisy(m: nn.Module) -> Tensor:
        return m(BATCH + torch.randn_like(BATCH)).square().mean()  # type: ignore[no-any-return]

    surfaces = [LossLandscapeAnalyzer(model, noisy, seed=seed).surface(3) for seed in (4, 4, 5)]
    assert surfaces[0] == surfaces[1] != surfaces[2]
    line = LossLandscapeAnalyzer(Point([0.0, 0.0]), lambda m: m.weight.sum() * 0 + torch.rand(())).line(3)
    assert len(set(line.losses)) == 1


def test_progress_counts_to_the_end_and_values_that_are_not_finite_are_kept() -> None:
    told: list[tuple[int, int]] = []
    model = Point([1.0, 1.0])
    surface = LossLandscapeAnalyzer(
        model, lambda m: (m.weight.sum() - 1).log(), progress=lambda done, most, _: told.append((done, most))
    ).surface(5, 4.0)
    assert told == [(number, 25) for number in range(1, 26)]
    values = [value for row in surface.losses for value in row]
    assert surface.nonfinite == sum(not math.isfinite(value) for value in values) > 0


@pytest.mark.parametrize("points", [2, 4, 1, 0, -3, 1001])
def test_the_weights_themselves_are_one_of_the_points(points: int) -> None:
    with pytest.raises(LandscapeError, match="odd number from 3 to 201"):
        LossLandscapeAnalyzer(Point([1.0]), squared).surface(points)


def made(**changes: object) -> Landscape:
    positions = (-1.0, -0.5, 0.0, 0.5, 1.0)
    given = {"line": Line(positions, (3.0, 1.5, 1.0, 1.5, math.inf))} | changes
    return Landscape("bells", "best.pt", 10, 2, "total_loss", "total", 1.0, 8, 0, **given)  # type: ignore[arg-type]


def test_a_landscape_comes_back_from_its_file_as_it_was() -> None:
    surface = Surface((-1.0, 0.0, 1.0), ((1.0, math.inf, 3.0), (-math.inf, 5.0, 6.0), (7.0, 8.0, 9.0)))
    for landscape in (made(), made(line=None, surface=surface, curvature=Curvature(math.inf, 0.1, 3, False))):
        data = encode(landscape)
        assert decode(data, "here") == landscape
        json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"RIFF\0\0\0", b"[" * 100_000, encode(made())[:-40], encode(made()).replace(b"-0.5", b"7.5"),
     encode(made()).replace(b"1.5, 1.0", b"1.0"), encode(made()).replace(b'"line": {', b'"lime": {'),
     encode(made()).replace(b'"loss": 1.0', b'"loss": "x"'), encode(made()).replace(b" 0.0,", b" 0.1,"),
     encode(made()).replace(b"-1.0", b"-1.7e308").replace(b"0.5, 1.0]", b"0.5, 1.7e308]"),
     encode(made()).replace(b'"line": {', b'"line": null, "path": {').replace(b"0.5, 1.0]", b"0.5, 1.1]")],
)  # fmt: skip
def test_what_is_no_landscape_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(LandscapeError, match=r"^HOST:x: [^\n]*anew$"):
        decode(data, "HOST:x")


@pytest.mark.parametrize("positions", [(-1.0, -0.5, 0.0, 0.5), (-1.0, 0.5, 1.0), (0.0, 1.0, 2.0)])
def test_the_checkpoint_is_in_the_middle_of_a_surface(positions: tuple[float, ...]) -> None:
    rows = tuple(tuple(map(float, range(len(positions)))) for _ in positions)
    with pytest.raises(ValueError, match="not in the middle"):
        Surface(positions, rows)


LOSSES = st.one_of(st.floats(-HIGHEST, HIGHEST), st.sampled_from([math.nan, math.inf, -math.inf, 1.0, 5.0]))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_can_be_read_can_be_put_into_words(data: st.DataObject) -> None:
    half = data.draw(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=4, unique=True).map(sorted))
    positions = (*(-x for x in reversed(half)), 0.0, *half)
    row = st.tuples(*[LOSSES] * len(positions))
    shape = data.draw(st.sampled_from(["line", "path", "surface"]))
    if shape == "path":
        positions = tuple(sorted({*positions, 1.0}))
        row = st.tuples(*[LOSSES] * len(positions))
    losses = tuple(data.draw(row) for _ in positions) if shape == "surface" else data.draw(row)
    part: object = Surface(positions, losses) if shape == "surface" else Line(positions, losses)
    any_float = st.floats()
    epsilon = EpsilonSharpness(*(data.draw(any_float) for _ in range(5)))
    curvature = Curvature(data.draw(any_float), 0.1, 3, False)
    landscape = made(**{"line": None, shape: part}, epsilon=epsilon, curvature=curvature)
    landscape = replace(landscape, loss=data.draw(any_float))
    words = decode(encode(landscape), "here")
    steep = {word + STEEP_UPHILL for word in ("flat", "gentle")}
    assert verdict(words)[0] in {"flat", "gentle", "sharp", "one valley", "two valleys", "unknown", LITTLE, *steep}
    assert all(label and value and "+-" not in value for label, value in facts(words))
    assert all(remarks(words))


def test_a_line_whose_middle_is_higher_than_the_loss_leaves_no_room() -> None:
    assert room(made(line=Line((-1.0, 0.0, 1.0), (5.0, 5.0, 5.0)))) == 0
    assert verdict(made(line=Line((-1.0, 0.0, 1.0), (5.0, 5.0, 5.0))))[0] == "sharp"
    assert room(made(line=Line((-1.0, 0.0, 1.0), (5.0, math.nan, 5.0)))) == 0


def valley(width: float) -> Landscape:
    """A parabola that is a tenth higher at `width`."""
    positions = tuple(number / 20 for number in range(-20, 21))
    return made(line=Line(positions, tuple(1 + 0.1 * (x / width) ** 2 for x in positions)))


@pytest.mark.parametrize(("width", "word"), [(0.9, "flat"), (0.35, "gentle"), (0.1, "sharp"), (5.0, LITTLE)])
def test_the_word_follows_from_how_far_a_tenth_more_is(width: float, word: str) -> None:
    assert room(valley(width)) == pytest.approx(min(width, 1.0), abs=0.02)
    assert verdict(valley(width))[0] == word


def uphill(rise: float, share: float, **changes: float) -> EpsilonSharpness:
    """The loss rises by this share of it where the weights move by that share of their size."""
    given = {"rho": 0.05, "loss": 1.0, "raised": 1 + rise, "gradient_norm": 2.0, "weight_norm": 0.05 / share} | changes
    return EpsilonSharpness(**given)


@pytest.mark.parametrize(
    ("width", "epsilon", "word"),
    [
        (0.9, uphill(0.03, 0.0005), "flat at random, steep uphill"), (0.9, uphill(0.004, 0.0005), "flat"),
        (0.35, uphill(0.11, 0.01), "gentle at random, steep uphill"), (0.35, uphill(0.09, 0.01), "gentle"),
        (0.1, uphill(0.03, 0.0005), "sharp"), (5.0, uphill(0.03, 0.0005), LITTLE),
        (0.9, uphill(0.9, 0.02), "flat"),  # no small step
        (0.9, uphill(0, 0.0005, raised=math.inf), "flat at random, steep uphill"),
        (0.9, uphill(0, 0.0005, raised=math.nan, gradient_norm=math.nan), "flat"),  # not known: a remark says so
    ],
)  # fmt: skip
def test_what_is_flat_at_random_may_be_steep_uphill(width: float, epsilon: EpsilonSharpness, word: str) -> None:
    assert verdict(replace(valley(width), epsilon=epsilon))[0] == word


def test_weights_hardly_count_only_where_they_were_moved_by_their_whole_size() -> None:
    line = valley(5.0).line
    assert line is not None
    half = Line(line.positions[10:31], line.losses[10:31])
    assert verdict(made(line=half))[0] == "flat"
    assert verdict(made(line=replace(line, losses=(math.nan, *line.losses[1:]))))[0] == "flat"
    positions = (-1.0, -0.5, 0.0, 0.5, 1.0)
    plain = [[1.01] * 5 for _ in positions]
    assert verdict(made(line=None, surface=Surface(positions, tuple(map(tuple, plain)))))[0] == LITTLE
    plain[3][3] = 1.2  # beside both lines, within that size
    assert verdict(made(line=None, surface=Surface(positions, tuple(map(tuple, plain)))))[0] == "flat"


def test_a_hill_between_checkpoints_is_told_from_a_slope() -> None:
    slope = Line((0.0, 0.25, 0.5, 0.75, 1.0), (4.0, 3.5, 3.0, 2.5, 2.0))
    hill = Line((0.0, 0.25, 0.5, 0.75, 1.0), (1.0, 2.0, 3.0, 2.0, 1.0))
    assert barrier(slope) == 0
    assert barrier(hill) == 2
    assert [verdict(made(line=None, path=path))[0] for path in (slope, hill)] == ["one valley", "two valleys"]


def test_where_an_end_is_not_finite_there_is_no_barrier_to_tell() -> None:
    for losses in ((math.nan, 2.0, 1.0), (1.0, 2.0, math.inf)):
        path = Line((0.0, 0.5, 1.0), losses)
        assert math.isnan(barrier(path))
        landscape = made(line=None, path=path)
        assert verdict(landscape)[0] == "unknown"
        assert dict(facts(landscape))["barrier"] == "unknown"
    assert barrier(Line((0.0, 0.5, 1.0), (1.0, math.inf, 1.0))) == math.inf


@pytest.mark.parametrize(
    ("epsilon", "said"),
    [((0.05, 0.5, 0.575, 2.0, 50.0), "+15 % at 0.1 %"), ((0.05, 0.5, 0.485, 2.0, 50.0), "-3 % at 0.1 %"),
     ((0.05, -0.5, -0.25, 2.0, 50.0), "+0.25 at 0.1 %"), ((0.05, 0.5, math.inf, 2.0, 50.0), "not finite")],
)  # fmt: skip
def test_the_step_uphill_is_told_with_its_sign(epsilon: tuple[float, ...], said: str) -> None:
    assert dict(facts(made(epsilon=EpsilonSharpness(*epsilon))))["uphill"] == said


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_not_taken_for_flat(bad: float) -> None:
    model = Point([1.0, 2.0])
    model.weight.register_hook(lambda gradient: gradient * bad)
    epsilon = LossLandscapeAnalyzer(model, lambda m: m.weight.sum()).epsilon_sharpness()
    assert epsilon.loss == 3
    assert math.isnan(epsilon.raised)
    landscape = made(epsilon=epsilon)
    assert dict(facts(landscape))["uphill"] == "not finite"
    assert any("gradient is not finite" in remark for remark in remarks(landscape))


def test_a_picture_is_known_again_and_takes_names_as_they_are() -> None:
    picture = png(replace(made(), run="$\\frac", checkpoint="$a^b$_{.pt"))
    assert is_our_png(picture)
    assert not is_our_png(b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert png(made(line=Line((-1.0, 0.0, 1.0), (math.nan,) * 3)))


def test_what_is_not_finite_or_lower_nearby_is_said() -> None:
    assert any("1 place" in remark for remark in remarks(made()))
    assert any("down" in remark for remark in remarks(made(line=Line((-1.0, 0.0, 1.0), (2.0, 1.0, 0.5)))))
