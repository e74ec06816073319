"""Hugging Face Trainer with a schedule of lrlib, then with one of its own.

Trainer steps the scheduler after each step that the optimizer has made.
"""

import math
import tempfile

import numpy as np
import torch
from lrlib.finder import range_test
from lrlib.schedules import Linear, Warmup, lr_curve
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import (
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from small_task import examples, fresh_loss, network

EPOCHS, BATCH, ACCUMULATE = 5, 32, 4


class Classifier(nn.Module):
    """Trainer calls a model with the names in the data, takes the loss."""

    def __init__(self):
        super().__init__()
        self.layers = network()

    def forward(self, x, labels):
        logits = self.layers(x)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


class Note(TrainerCallback):
    """Write down the rate of each step, right before it."""

    def __init__(self):
        self.applied = []

    def on_pre_optimizer_step(
        self, args, state, control, optimizer=None, **others
    ):
        self.applied.append(optimizer.param_groups[0]["lr"])


dataset = [{"x": x, "labels": y} for x, y in examples()]
common = {
    "output_dir": tempfile.mkdtemp(),
    "num_train_epochs": EPOCHS,
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": ACCUMULATE,
    "use_cpu": True,
    "report_to": [],
    "logging_steps": 32,
    "save_strategy": "no",
    "disable_tqdm": True,
}


def step_fn(model, optimizer, loss_fn, batch):
    loss = model(**batch)["loss"]
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # as in Trainer
    optimizer.step()
    return loss.item()


model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
large = DataLoader(
    dataset,
    batch_size=BATCH * ACCUMULATE,
    shuffle=True,
    collate_fn=default_data_collator,
)
test = range_test(
    model, optimizer, None, large, end_lr=1, steps=300, step_fn=step_fn
)

batches = math.ceil(len(dataset) / BATCH)
steps = EPOCHS * math.ceil(batches / ACCUMULATE)
peak = test.suggest(run_steps=steps, decaying=True)
optimizer.param_groups[0]["lr"] = peak
schedule = Warmup(steps // 10, then=Linear(steps - steps // 10))
note = Note()
trainer = Trainer(
    model=model,
    args=TrainingArguments(**common),
    train_dataset=dataset,
    optimizers=(optimizer, LambdaLR(optimizer, schedule)),
    callbacks=[note],
)
trainer.train()
assert steps == trainer.state.max_steps
np.testing.assert_allclose(
    note.applied, lr_curve(schedule, steps, peak_lr=peak)
)
for logged in trainer.state.log_history[:-1]:
    rate = note.applied[logged["step"] - 1]
    assert math.isclose(logged["learning_rate"], rate, abs_tol=1e-12)
print(f"{steps} steps at the rates that were meant")
loss = fresh_loss(model.layers)
print(f"the peak {peak:.2g}, loss {loss:.2f} on fresh data")

args = TrainingArguments(
    learning_rate=peak,
    lr_scheduler_type="linear",
    warmup_steps=steps // 10,
    **common,
)
note = Note()
trainer = Trainer(
    model=Classifier(), args=args, train_dataset=dataset, callbacks=[note]
)
trainer.train()
from_zero = Warmup(steps // 10, schedule.then, start=0)
np.testing.assert_allclose(
    note.applied, lr_curve(from_zero, steps, peak_lr=peak)
)
assert note.applied[0] == 0
print("the same by name, except that its first step has the rate 0")
