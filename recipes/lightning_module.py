"""Lightning: the trainer knows the number of steps, and steps at each."""

import lightning
import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from small_task import examples, fresh_loss, network

EPOCHS, ACCUMULATE = 5, 4


class Classifier(lightning.LightningModule):
    def __init__(self, peak=0.1, interval="step"):
        super().__init__()
        self.layers = network()
        self.peak, self.interval = peak, interval
        self.applied = []

    def training_step(self, batch, batch_idx=0):
        x, y = batch
        return cross_entropy(self.layers(x), y)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(
            self.parameters(), lr=self.peak, momentum=0.9
        )
        # Steps of the optimizer: several batches are one if you accumulate.
        steps = self.trainer.estimated_stepping_batches
        warmup = steps // 10
        self.schedule = Warmup(warmup, then=Linear(steps - warmup))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": LambdaLR(optimizer, self.schedule),
                "interval": self.interval,
            },
        }

    def on_before_optimizer_step(self, optimizer):
        self.applied.append(optimizer.param_groups[0]["lr"])


loader = DataLoader(examples(), batch_size=32, shuffle=True)


def fitted(module):
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accumulate_grad_batches=ACCUMULATE,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, loader)
    return module


def step_fn(module, optimizer, loss_fn, batch):
    loss = module.training_step(batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


module = Classifier()
optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
large = DataLoader(examples(), batch_size=32 * ACCUMULATE, shuffle=True)
test = range_test(
    module, optimizer, None, large, steps=300, step_fn=step_fn
)
steps = EPOCHS * len(large)
peak = test.suggest(run_steps=steps, decaying=True)

module = fitted(Classifier(peak))
expected = lr_curve(module.schedule, steps, peak_lr=peak)
np.testing.assert_allclose(module.applied, expected)
print(f"{len(module.applied)} steps at the rates that were meant")
loss = fresh_loss(module.layers)
print(f"the peak {peak:.2g}, loss {loss:.2f} on fresh data")

# The default interval is an epoch: the last has the rate of the fifth step.
module = fitted(Classifier(peak, interval="epoch"))
slow = lr_curve(module.schedule, EPOCHS, peak_lr=peak)
np.testing.assert_allclose(module.applied, slow.repeat(steps // EPOCHS))
print(f"by epochs it ends at {module.applied[-1] / peak:.2f} of the peak")
