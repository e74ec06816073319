"""The loop: it learns, it repeats itself, it logs what it applied, and it stops as it should."""

import io
import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, ReduceLROnPlateau

from lrlib import data, model, schedules, train


def make(splits, peak_lr=0.05, seed=0):
    torch.manual_seed(seed)
    net = model.small_cnn(width=4).to(splits.train.x.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=peak_lr, momentum=0.9)
    return net, optimizer


def test_a_known_small_problem_is_learned(tiny_splits):
    """The rate ends at zero: else a last step, rounded on another processor, may cost a class."""
    net, optimizer = make(tiny_splits, peak_lr=0.02)
    decay = CosineAnnealingLR(optimizer, T_max=12 * 10)
    history = train.fit(net, optimizer, tiny_splits, epochs=12, scheduler=decay, batch_size=64)
    assert history.val_accuracy[-1] > 0.9
    assert history.loss[-1] < history.loss[0] / 2


def test_a_network_that_is_not_trained_stays_at_chance(tiny_splits):
    net, _ = make(tiny_splits)
    loss, accuracy = train.evaluate(net, tiny_splits.val)
    assert accuracy < 0.4
    assert loss > 1.5


def test_the_same_seed_gives_the_same_numbers(tiny_splits):
    histories = []
    for seed in (0, 0, 1):
        net, optimizer = make(tiny_splits)
        histories.append(train.fit(net, optimizer, tiny_splits, epochs=2, seed=seed))
    assert histories[0] == histories[1]
    assert histories[0].loss != histories[2].loss


def test_dropout_follows_the_seed_too(tiny_splits):
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3072, 10))
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
        torch.rand(7 * (1 + len(losses)))  # the global generator stands somewhere else each time
        losses.append(train.fit(net, optimizer, tiny_splits, epochs=1, seed=5).loss)
    assert losses[0] == losses[1]


def test_the_global_generator_is_left_alone(tiny_splits):
    net, optimizer = make(tiny_splits)
    before = torch.get_rng_state()
    train.fit(net, optimizer, tiny_splits, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_applied_rate_is_logged_before_the_step(tiny_splits):
    """The optimizer itself writes down what it applies; the history must say the same."""
    net, optimizer = make(tiny_splits)
    applied = []
    optimizer.register_step_pre_hook(
        lambda opt, args, kwargs: applied.append(opt.param_groups[0]["lr"])
    )
    schedule = schedules.Warmup(3, then=schedules.CosineAnnealing(7))
    history = train.fit(
        net, optimizer, tiny_splits, epochs=2, scheduler=LambdaLR(optimizer, schedule)
    )
    assert history.lr == applied
    assert history.lr == [0.05 * schedule(step) for step in range(10)]
    assert history.step == list(range(10))


def test_the_scheduler_is_stepped_once_a_step(tiny_splits):
    net, optimizer = make(tiny_splits)
    scheduler = LambdaLR(optimizer, schedules.CosineAnnealing(10))
    train.fit(net, optimizer, tiny_splits, epochs=2, scheduler=scheduler)
    assert scheduler.last_epoch == 2 * (640 // 128)


def test_a_plateau_is_stepped_with_the_validation_loss_of_each_epoch(tiny_splits):
    """The rates of a loop by hand, with a threshold that only the first epoch passes, whatever
    the losses: it acts after epochs 3 and 5."""
    epochs, options = 6, {"factor": 0.3, "patience": 1, "threshold": 0.999}
    net, optimizer = make(tiny_splits, peak_lr=0.6)
    scheduler = ReduceLROnPlateau(optimizer, **options)
    taken = []
    scheduler.step = lambda loss: (taken.append(loss), ReduceLROnPlateau.step(scheduler, loss))
    history = train.fit(net, optimizer, tiny_splits, epochs=epochs, scheduler=scheduler)

    net, optimizer = make(tiny_splits, peak_lr=0.6)
    by_hand = ReduceLROnPlateau(optimizer, **options)
    batches, rates, val_losses = data.Batches(tiny_splits.train), [], []
    for _ in range(epochs):
        net.train()
        for batch in batches:
            rates.append(optimizer.param_groups[0]["lr"])
            train.train_step(net, optimizer, nn.functional.cross_entropy, batch)
        val_losses.append(train.evaluate(net, tiny_splits.val)[0])
        by_hand.step(val_losses[-1])

    assert history.lr == rates
    assert history.val_loss == val_losses
    assert taken == val_losses
    scheduler.__dict__.pop("step")
    assert scheduler.state_dict() == by_hand.state_dict()
    assert 1 < len(set(rates)) < epochs  # it acts, and not after every epoch


def test_a_plateau_does_not_act_on_an_epoch_that_was_not_finished(tiny_splits):
    def stop_in_the_second_epoch(history):
        if len(history.step) == 7:
            raise KeyboardInterrupt

    net, optimizer = make(tiny_splits)
    scheduler = ReduceLROnPlateau(optimizer)
    train.fit(
        net,
        optimizer,
        tiny_splits,
        epochs=3,
        scheduler=scheduler,
        on_step=stop_in_the_second_epoch,
    )
    assert scheduler.last_epoch == 1


@pytest.mark.parametrize("extended", [False, True])
def test_a_run_that_was_stopped_goes_on_with_the_rates_of_one_that_was_not(tiny_splits, extended):
    short, longer = (schedules.Warmup(3, schedules.CosineAnnealing(n)) for n in (7, 17))
    net, optimizer = make(tiny_splits)
    scheduler = LambdaLR(optimizer, short)
    before = train.fit(net, optimizer, tiny_splits, epochs=1, scheduler=scheduler)
    file = io.BytesIO()
    torch.save((net.state_dict(), optimizer.state_dict(), scheduler.state_dict()), file)
    file.seek(0)
    model_state, optimizer_state, scheduler_state = torch.load(file, weights_only=True)

    net, optimizer = make(tiny_splits, seed=1)
    net.load_state_dict(model_state)
    if extended:
        optimizer.load_state_dict(optimizer_state)
        steps_done = scheduler_state["last_epoch"]
        scheduler = LambdaLR(optimizer, longer, last_epoch=steps_done - 1)
    else:
        scheduler = LambdaLR(optimizer, short)
        optimizer.load_state_dict(optimizer_state)
        scheduler.load_state_dict(scheduler_state)
    after = train.fit(net, optimizer, tiny_splits, epochs=1, scheduler=scheduler)
    schedule = longer if extended else short
    assert before.lr == [0.05 * short(step) for step in range(5)]
    assert after.lr == [0.05 * schedule(step) for step in range(5, 10)]


def test_a_history_has_one_entry_a_step_and_one_an_epoch(tiny_splits):
    net, optimizer = make(tiny_splits)
    history = train.fit(net, optimizer, tiny_splits, epochs=3)
    assert len(history.step) == len(history.lr) == len(history.loss) == 15
    assert history.epoch_end == [5, 10, 15]
    assert len(history.val_loss) == len(history.val_accuracy) == 3
    assert history.stopped == ""
    assert str(history).startswith("tiny, 640 images, 3 epochs, seed 0: validation accuracy ")


def test_test_images_are_left_alone(tiny_splits):
    untouchable = data.Splits(
        tiny_splits.train, tiny_splits.val, None, tiny_splits.name, tiny_splits.classes
    )
    net, optimizer = make(tiny_splits)
    assert train.fit(net, optimizer, untouchable, epochs=1).val_accuracy


def test_one_step_of_plain_sgd_by_hand():
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[1.0, -1.0]])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = torch.tensor([[2.0, 1.0]]), torch.tensor([[0.0]])
    # The output is 1, the loss 1, the gradient 2 * 1 * x = (4, 2).
    assert train.train_step(net, optimizer, nn.functional.mse_loss, (x, y)) == 1.0
    assert net.weight.tolist()[0] == pytest.approx([0.6, -1.2])


def test_evaluation_counts_right_answers_and_keeps_the_mode(tiny_splits):
    class Always3(nn.Module):
        def forward(self, x):
            return torch.nn.functional.one_hot(torch.full((len(x),), 3), 10).float()

    net = nn.Sequential(Always3(), nn.Dropout(0.5))
    net[0].eval()
    loss, accuracy = train.evaluate(net, tiny_splits.val)
    assert accuracy == 0.1
    right, wrong = math.log(math.e + 9) - 1, math.log(math.e + 9)
    assert loss == pytest.approx(0.1 * right + 0.9 * wrong, rel=1e-5)
    assert [module.training for module in net.modules()] == [True, False, True]


def test_a_loss_that_is_not_finite_ends_the_run(tiny_splits, capsys):
    net, optimizer = make(tiny_splits)

    def break_weights(opt, args, kwargs):
        if len(seen) == 6:
            net[-1].bias.data.fill_(math.nan)
        seen.append(1)

    seen = []
    optimizer.register_step_post_hook(break_weights)
    history = train.fit(net, optimizer, tiny_splits, epochs=3)
    assert "the loss was nan at step 7, where the learning rate was 0.05" in history.stopped
    assert len(history.loss) == len(history.lr) == 8
    assert len(history.val_accuracy) == 1
    assert history.stopped in capsys.readouterr().out


def test_ctrl_c_leaves_a_usable_history(tiny_splits, capsys):
    net, optimizer = make(tiny_splits)

    def interrupt(opt, args, kwargs):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt

    calls = []
    optimizer.register_step_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):  # what stands below in a cell does not begin
        train.fit(net, optimizer, tiny_splits, epochs=3)
    history = train.last
    assert history.stopped == "interrupted after 7 steps"
    assert len(history.step) == len(history.lr) == len(history.loss) == 7
    assert history.epoch_end == [5]
    assert "interrupted after 7 steps. Its history is `train.last`" in capsys.readouterr().out


def test_an_error_in_the_model_is_not_swallowed(tiny_splits):
    net, optimizer = make(tiny_splits)

    def fail(opt, args, kwargs):
        raise RuntimeError("a fault of the reader's own")

    optimizer.register_step_pre_hook(fail)
    with pytest.raises(RuntimeError, match="a fault of the reader's own"):
        train.fit(net, optimizer, tiny_splits, epochs=1)


@pytest.mark.parametrize("peak_lr", [0.0, -0.1, math.inf, math.nan])
def test_a_rate_that_is_not_positive_is_named(tiny_splits, peak_lr):
    net, optimizer = make(tiny_splits)
    optimizer.param_groups[0]["lr"] = peak_lr
    with pytest.raises(ValueError, match=f"positive and finite, got {peak_lr} in parameter"):
        train.fit(net, optimizer, tiny_splits, epochs=1)


def test_a_schedule_may_start_at_zero(tiny_splits):
    net, optimizer = make(tiny_splits)
    scheduler = LambdaLR(optimizer, schedules.Warmup(5, start=0.0))
    assert train.fit(net, optimizer, tiny_splits, epochs=1, scheduler=scheduler).lr[0] == 0.0


@pytest.mark.parametrize("batch_size", [0, 641])
def test_a_batch_size_larger_than_the_data_is_named(tiny_splits, batch_size):
    net, optimizer = make(tiny_splits)
    with pytest.raises(ValueError, match=f"640 images.*got {batch_size}"):
        train.fit(net, optimizer, tiny_splits, epochs=1, batch_size=batch_size)


def test_no_epochs_are_named(tiny_splits):
    net, optimizer = make(tiny_splits)
    with pytest.raises(ValueError, match="epochs must be a whole number, at least 1, got 0"):
        train.fit(net, optimizer, tiny_splits, epochs=0)


def test_an_output_that_does_not_fit_is_named(tiny_splits):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 7))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"shape \(2, 7\), expected \(2, 10\)"):
        train.fit(net, optimizer, tiny_splits, epochs=1)


def test_the_scheduler_of_another_optimizer_is_refused(tiny_splits):
    net, optimizer = make(tiny_splits)
    _, other = make(tiny_splits)
    scheduler = LambdaLR(other, schedules.Fixed())
    with pytest.raises(ValueError, match="belongs to another optimizer"):
        train.fit(net, optimizer, tiny_splits, epochs=1, scheduler=scheduler)


def test_budgets(monkeypatch):
    monkeypatch.delenv("LRLIB_BUDGET", raising=False)
    assert train.budget().name == "quick"
    monkeypatch.setenv("LRLIB_BUDGET", "full")
    assert train.budget() == ("full", 45_000, 10)
    monkeypatch.setenv("LRLIB_BUDGET", "huge")
    with pytest.raises(ValueError, match="LRLIB_BUDGET must be quick or full, got 'huge'"):
        train.budget()


def test_on_step_sees_the_history_grow_by_a_step_at_a_time(tiny_splits):
    seen = []
    net, optimizer = make(tiny_splits)
    history = train.fit(
        net,
        optimizer,
        tiny_splits,
        epochs=2,
        on_step=lambda history: seen.append((len(history.step), len(history.loss))),
    )
    assert seen == [(n, n) for n in range(1, len(history.step) + 1)]


def test_on_step_ends_the_run_by_a_keyboard_interrupt(tiny_splits, capsys):
    def stop_at_three(history):
        if len(history.step) == 3:
            raise KeyboardInterrupt

    net, optimizer = make(tiny_splits)
    history = train.fit(net, optimizer, tiny_splits, epochs=2, on_step=stop_at_three)
    assert history.stopped == "interrupted after 3 steps"
    assert len(history.step) == len(history.lr) == len(history.loss) == 3
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""  # whoever watches the steps shows them


def test_what_on_step_raises_is_passed_on(tiny_splits):
    def fail(history):
        raise LookupError("no such curve")

    net, optimizer = make(tiny_splits)
    with pytest.raises(LookupError, match="no such curve"):
        train.fit(net, optimizer, tiny_splits, epochs=1, on_step=fail)
