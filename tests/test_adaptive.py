"""The effective rate times the gradient is the update that torch makes."""

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from lrlib import adaptive

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
PLAIN = {
    "Adagrad": (torch.optim.Adagrad, {}),
    "Adagrad, decaying": (torch.optim.Adagrad, {"lr_decay": 0.3}),
    "Adagrad, started": (torch.optim.Adagrad, {"initial_accumulator_value": 0.5, "eps": 0.01}),
    "Adagrad, decay": (torch.optim.Adagrad, {"weight_decay": 0.1}),
    "Adagrad, maximize": (torch.optim.Adagrad, {"maximize": True}),
    "RMSprop": (torch.optim.RMSprop, {}),
    "RMSprop, centred": (torch.optim.RMSprop, {"centered": True, "alpha": 0.9}),
    "RMSprop, decay": (torch.optim.RMSprop, {"weight_decay": 0.1, "eps": 0.01}),
    "RMSprop, maximize": (torch.optim.RMSprop, {"maximize": True, "weight_decay": 0.1}),
}
ADAM = {
    f"{kind.__name__}, {name}": (kind, options)
    for kind in (torch.optim.Adam, torch.optim.AdamW)
    for name, options in {
        "plain": {},
        "amsgrad": {"amsgrad": True},
        "betas": {"betas": (0.5, 0.9), "eps": 0.01},
        "decay": {"weight_decay": 0.1},
        "maximize": {"maximize": True, "weight_decay": 0.1},
        "tensor rate": {"lr": torch.tensor(0.02, dtype=torch.float64)},
    }.items()
}


def parameters(device="cpu", dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 3), (3,), ()]
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator).to(device, dtype))
        for shape in shapes
    ]


def updates(kind, options, steps=7, device="cpu", dtype=torch.float64):
    """Yield after each step the optimizer and, a parameter each, the update and the gradient."""
    ws = parameters(device, dtype)
    optimizer = kind(ws, **{"lr": 0.02, **options})
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        for w in ws:
            scale = 10.0 ** (step % 3 - 1)  # amsgrad differs where gradients shrink
            w.grad = scale * torch.randn(w.shape, generator=generator).to(device, dtype)
        before = [w.detach().clone() for w in ws]
        optimizer.step()
        yield (
            optimizer,
            [w.detach() - old for w, old in zip(ws, before, strict=True)],
            [w.grad for w in ws],
            before,
        )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", PLAIN)
def test_the_rate_times_the_gradient_is_the_update(name, device):
    kind, options = PLAIN[name]
    sign = 1 if options.get("maximize") else -1
    for optimizer, moved, gradients, before in updates(kind, options, device=device):
        rates = adaptive.effective_lr(optimizer)
        for rate, update, gradient, old in zip(rates, moved, gradients, before, strict=True):
            # torch adds the decay to the gradient that it minimises.
            full = gradient - sign * options.get("weight_decay", 0) * old
            torch.testing.assert_close(sign * rate * full, update, rtol=1e-6, atol=1e-12)
            assert rate.shape == update.shape
            assert rate.dtype == update.dtype
            assert not rate.requires_grad


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ADAM)
def test_the_rate_times_the_corrected_momentum_is_the_update(name, device):
    kind, options = ADAM[name]
    decoupled = kind is torch.optim.AdamW
    for optimizer, moved, _, before in updates(kind, options, device=device):
        group = optimizer.param_groups[0]
        rates = adaptive.effective_lr(optimizer)
        for w, rate, update, old in zip(group["params"], rates, moved, before, strict=True):
            state = optimizer.state[w]
            momentum = state["exp_avg"] / (1 - group["betas"][0] ** state["step"].item())
            # torch's exp_avg holds gradients of what it minimises; its sign is already turned.
            expected = -rate * momentum
            if decoupled:
                expected = expected - float(group["lr"]) * group["weight_decay"] * old
            torch.testing.assert_close(expected, update, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("centered", [False, True])
def test_rmsprop_with_momentum_adds_the_scaled_gradient_to_its_buffer(centered):
    options = {"momentum": 0.9, "centered": centered}
    buffers = [torch.zeros_like(w) for w in parameters()]
    for optimizer, moved, gradients, _ in updates(torch.optim.RMSprop, options):
        rates = adaptive.effective_lr(optimizer)
        for i, (rate, update, gradient) in enumerate(zip(rates, moved, gradients, strict=True)):
            buffers[i] = 0.9 * buffers[i] + rate * gradient
            torch.testing.assert_close(-buffers[i], update, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", [torch.optim.Adagrad, torch.optim.RMSprop])
def test_single_precision_is_good_to_one_in_a_million_of_the_parameter(kind):
    for optimizer, moved, gradients, before in updates(kind, {}, dtype=torch.float32):
        rates = adaptive.effective_lr(optimizer)
        for rate, update, gradient, old in zip(rates, moved, gradients, before, strict=True):
            assert rate.dtype == torch.float32
            torch.testing.assert_close(old + update, old - rate * gradient, rtol=1e-6, atol=1e-6)


def test_the_first_step_of_adam_by_hand():
    """One gradient g: the corrected averages are g and g^2, so the rate is lr / (|g| + eps)."""
    w = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = torch.optim.Adam([w], lr=0.001, eps=1e-8)
    w.grad = torch.tensor([0.5, -4.0], dtype=torch.float64)
    optimizer.step()
    (rate,) = adaptive.effective_lr(optimizer)
    assert rate.tolist() == pytest.approx([0.001 / 0.5, 0.001 / 4], rel=1e-6)


def test_each_group_has_its_own_settings_and_the_order_is_theirs():
    a, b = parameters()[:2]
    groups = [{"params": [b], "lr": 0.1}, {"params": [a], "lr": 0.3}]
    optimizer = torch.optim.Adagrad(groups)
    for w in (a, b):
        w.grad = torch.full_like(w, 2.0)
    optimizer.step()
    first, second = adaptive.effective_lr(optimizer)
    assert (first.shape, second.shape) == (b.shape, a.shape)
    assert first.flatten().tolist() == pytest.approx([0.05] * 3)
    assert second.flatten().tolist() == pytest.approx([0.15] * 12)


def test_after_the_scheduler_it_is_the_rate_that_comes_next():
    (w, *_) = parameters()
    optimizer = torch.optim.RMSprop([w], lr=0.1)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.5)
    w.grad = torch.ones_like(w)
    optimizer.step()
    (before,) = adaptive.effective_lr(optimizer)
    scheduler.step()
    (after,) = adaptive.effective_lr(optimizer)
    assert torch.equal(after, before / 2)


def test_reading_the_rates_changes_nothing():
    for optimizer, *_ in updates(torch.optim.RMSprop, {"centered": True}, steps=2):
        state = optimizer.state[optimizer.param_groups[0]["params"][0]]
        before = {name: value.clone() for name, value in state.items()}
        first, second = adaptive.effective_lr(optimizer), adaptive.effective_lr(optimizer)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        assert all(torch.equal(state[name], value) for name, value in before.items())


@pytest.mark.parametrize("kind", [torch.optim.Adagrad, torch.optim.Adam])
def test_a_parameter_without_an_update_is_nan(kind):
    frozen, trained, _ = parameters()
    frozen.requires_grad_(False)
    optimizer = kind([frozen, trained], lr=0.1)
    trained.grad = torch.ones_like(trained)
    optimizer.step()
    without, with_update = adaptive.effective_lr(optimizer)
    assert without.shape == frozen.shape
    assert without.isnan().all()
    assert with_update.isfinite().all()


@pytest.mark.parametrize(
    "kind", [torch.optim.Adagrad, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW]
)
def test_an_optimizer_that_made_no_step_is_named(kind):
    with pytest.raises(ValueError, match=f"this {kind.__name__} has not made a step"):
        adaptive.effective_lr(kind(parameters(), lr=0.1))


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adamax, torch.optim.NAdam])
def test_another_optimizer_is_named(kind):
    with pytest.raises(TypeError, match=rf"got {kind.__name__};"):
        adaptive.effective_lr(kind(parameters(), lr=0.1))


KINDS = [torch.optim.Adagrad, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW]


@pytest.mark.parametrize("kind", KINDS)
def test_complex_parameters_are_refused_with_the_way_out(kind):
    real, w = parameters()[0], torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))
    optimizer = kind([real, w], lr=0.1)
    real.grad, w.grad = torch.ones_like(real), torch.tensor([1 + 2j, -3 + 1j])
    optimizer.step()
    message = r"got complex64 of shape \(2,\) in parameter 1; .*view_as_real"
    with pytest.raises(TypeError, match=message):
        adaptive.effective_lr(optimizer)


@pytest.mark.parametrize("kind", [torch.optim.Adagrad, torch.optim.RMSprop])
def test_the_way_out_of_complex_parameters_gives_the_update(kind):
    """torch moves the two parts of a complex parameter as it moves the real tensor of both."""
    w = torch.nn.Parameter(torch.ones(2, dtype=torch.complex128))
    parts = torch.nn.Parameter(torch.view_as_real(w.detach()).clone())
    gradient = torch.tensor([1 + 2j, -3 + 0.1j], dtype=torch.complex128)
    w.grad, parts.grad = gradient, torch.view_as_real(gradient).clone()
    for parameter in (w, parts):
        optimizer = kind([parameter], lr=0.1)
        optimizer.step()
    (rate,) = adaptive.effective_lr(optimizer)
    torch.testing.assert_close(torch.view_as_real(w.detach()) - 1, parts.detach() - 1)
    moved = torch.view_as_real(w.detach()) - torch.tensor([1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(moved, -rate * parts.grad)


@pytest.mark.parametrize("bad", ["all", "one"])
@pytest.mark.parametrize("later", [0, 2])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {}) for kind in KINDS),
        (torch.optim.RMSprop, {"centered": True}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.AdamW, {"amsgrad": True}),
    ],
)
def test_gradients_that_were_nan_are_told(kind, options, later, bad):
    first, second, _ = parameters()
    optimizer = kind([first, second], lr=0.1, **options)
    first.grad, second.grad = torch.ones_like(first), torch.ones_like(second)
    (second.grad if bad == "all" else second.grad[1:2]).fill_(torch.nan)
    optimizer.step()
    for _ in range(later):
        second.grad = torch.ones_like(second)
        optimizer.step()
    message = rf"gradient of parameter 1, of shape \(3,\), was NaN in one of the {1 + later} steps"
    with pytest.raises(ValueError, match=message):
        adaptive.effective_lr(optimizer)


def test_all_gradients_nan_is_not_no_step():
    w = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([w])
    w.grad = torch.full_like(w, torch.nan)
    optimizer.step()
    with pytest.raises(ValueError, match="was NaN") as raised:
        adaptive.effective_lr(optimizer)
    assert "has not made a step" not in str(raised.value)


def test_an_infinite_gradient_leaves_a_rate_of_zero_as_in_torch():
    w = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adagrad([w], lr=0.1)
    w.grad = torch.tensor([torch.inf, 1.0])
    optimizer.step()
    (rate,) = adaptive.effective_lr(optimizer)
    assert rate.tolist() == pytest.approx([0.0, 0.1])


def test_centred_squares_rounded_below_zero_are_told_when_the_update_is_nan():
    w = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.RMSprop([w], lr=0.01, centered=True, alpha=0.9)
    for _ in range(400):
        w.grad = torch.full((1,), 3.3e-3)
        optimizer.step()
        if w.isnan().any():
            with pytest.raises(ValueError, match=r"rounded below zero.*centered=False"):
                adaptive.effective_lr(optimizer)
            return
        assert adaptive.effective_lr(optimizer)[0].isfinite().all()
    pytest.skip("on this processor nothing was rounded below zero")
