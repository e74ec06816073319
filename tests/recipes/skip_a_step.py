"""What accelerate and Trainer do when a gradient overflows: print the rate before each step.

Mixed precision with a gradient scaler asks for a GPU; here each gets a scaler of the CPU.
"""

import sys
import tempfile

import torch
from accelerate import Accelerator
from small_task import examples, network
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from lrlib.schedules import Linear

STEPS, OVERFLOWS, BATCH = 10, 4, 32


class Overflowing(nn.Module):
    """A network whose gradients overflow in one step."""

    def __init__(self):
        super().__init__()
        self.layers = network()
        self.calls = 0

    def forward(self, x, labels):
        scale = torch.inf if self.calls == OVERFLOWS else 1
        self.calls += 1
        return {"loss": cross_entropy(self.layers(scale * x), labels)}


def with_accelerate():
    accelerator = Accelerator(cpu=True)
    accelerator.scaler = torch.amp.GradScaler("cpu")
    model = Overflowing()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = LambdaLR(optimizer, Linear(STEPS))
    loader = DataLoader(examples(), batch_size=BATCH)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
    rates = []
    for _, (x, y) in zip(range(STEPS), loader, strict=False):
        rates.append(optimizer.param_groups[0]["lr"])
        accelerator.backward(model(x, y)["loss"])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return rates


class Note(TrainerCallback):
    def __init__(self):
        self.rates = []

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **others):
        self.rates.append(optimizer.param_groups[0]["lr"])


def with_trainer():
    model, note = Overflowing(), Note()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    options = {"output_dir": tempfile.mkdtemp(), "report_to": [], "save_strategy": "no"}
    options |= {"max_steps": STEPS, "per_device_train_batch_size": BATCH, "use_cpu": True}
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**options, max_grad_norm=0, disable_tqdm=True),
        train_dataset=[{"x": x, "labels": y} for x, y in examples()],
        optimizers=(optimizer, LambdaLR(optimizer, Linear(STEPS))),
        callbacks=[note],
    )
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu")
    trainer.train()
    return note.rates


rates = {"accelerate": with_accelerate, "huggingface": with_trainer}[sys.argv[1]]()
print("rates:", *(round(rate, 6) for rate in rates))
