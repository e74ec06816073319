"""timm: its schedulers don't count, and alone know of its layer decay."""

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import CosineAnnealing, Warmup, lr_curve
from lrlib.train import train_step
from timm.models import VisionTransformer
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from small_task import examples

EPOCHS = 5


def images(seed):
    """The same points as images of one pixel, with 20 channels."""
    x, y = examples(seed=seed).tensors
    return TensorDataset(x.view(-1, 20, 1, 1), y)


torch.manual_seed(0)
shape = {"img_size": 1, "patch_size": 1, "in_chans": 20, "num_classes": 5}
size = {"embed_dim": 32, "depth": 2, "num_heads": 2}
model = VisionTransformer(
    **shape, **size, class_token=False, global_pool="avg"
)
loader = DataLoader(images(seed=0), batch_size=64, shuffle=True)
steps = EPOCHS * len(loader)
warmup = steps // 10


def scheduled(peak):
    """Make an optimizer whose rates fall by layers, and its scheduler."""
    optimizer = create_optimizer_v2(
        model, "adamw", lr=peak, weight_decay=0.01, layer_decay=0.8
    )
    scheduler = CosineLRScheduler(
        optimizer,
        t_initial=steps - warmup,
        warmup_t=warmup,
        warmup_lr_init=peak / (warmup + 1),
        warmup_prefix=True,  # else the cosine loses its first part
        t_in_epochs=False,
    )
    return optimizer, scheduler


# The layers' rates are the scheduler's work: make it before the finder.
optimizer, _ = scheduled(peak=0.001)
test = range_test(
    model, optimizer, cross_entropy, loader, end_lr=1, steps=300
)
peak = test.suggest(run_steps=steps, decaying=True)
optimizer, scheduler = scheduled(peak)

applied = []
for _ in range(EPOCHS):
    for batch in loader:
        applied.append([group["lr"] for group in optimizer.param_groups])
        train_step(model, optimizer, cross_entropy, batch)
        scheduler.step_update(len(applied))  # the steps that are done

shares = [group["lr_scale"] for group in optimizer.param_groups]
schedule = Warmup(warmup, then=CosineAnnealing(steps - warmup))
expected = np.outer(lr_curve(schedule, steps, peak_lr=peak), shares)
np.testing.assert_allclose(applied, expected, atol=1e-12)
print(f"{steps} steps at the rates that were meant")

# torch's schedulers know nothing of `lr_scale`: all layers have one rate.
optimizer = create_optimizer_v2(
    model, "adamw", lr=peak, weight_decay=0.01, layer_decay=0.8
)
scheduler = LambdaLR(optimizer, schedule)
assert len(set(scheduler.get_last_lr())) == 1
assert min(shares) < 0.8

x, y = images(seed=1).tensors
model.eval()
loss = cross_entropy(model(x), y).item()
print(f"the peak {peak:.2g}, loss {loss:.2f} on fresh data")
