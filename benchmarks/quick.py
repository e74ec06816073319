"""What the quick budget could reach: `python -m benchmarks.quick` appends a row a run.

Each run trains on one thread, so that its processor seconds compare.
"""

import json
import subprocess
import time
from pathlib import Path

import cpuinfo
import torch

from benchmarks import machine
from benchmarks.loops import sgd
from lrlib import data, model, schedules, train

ROWS = Path(__file__).parent / "rows" / "quick.jsonl"
# The width, how many images, how many epochs, and whether images are shifted and mirrored.
RECIPES = (
    (16, 15_000, 3, True),
    (16, 15_000, 3, False),
    (16, 22_000, 2, False),
    (12, 20_000, 3, False),
    (8, 30_000, 3, False),
    (8, 30_000, 3, True),
    (16, 30_000, 2, False),
)


def run(width: int, n_train: int, epochs: int, augment: bool, seed: int) -> dict[str, object]:
    """Train once, one-cycle up to 0.2, and say what came out and what it took."""
    splits = data.load(n_train)
    torch.manual_seed(seed)
    net = model.small_cnn(width=width).to(memory_format=torch.channels_last)
    optimizer = sgd(net, lr=0.2)
    steps = epochs * (n_train // 128)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedules.OneCycle(steps))
    started = time.process_time()
    history = train.fit(
        net, optimizer, splits, epochs=epochs, scheduler=scheduler, augment=augment, seed=seed
    )
    return {
        "name": f"width {width}" + ("" if augment else ", no augmentation"),
        "n_train": n_train,
        "epochs": epochs,
        "seed": seed,
        "val_accuracy": round(history.val_accuracy[-1], 4),
        "processor_seconds": round(time.process_time() - started, 2),
        "threads": 1,
    }


def main() -> None:
    """Run every recipe with three seeds."""
    torch.set_num_threads(1)
    commit = subprocess.check_output(["git", "rev-parse", "--short=12", "HEAD"], text=True).strip()
    about = machine.describe(cpuinfo.get_cpu_info()["brand_raw"]) | {"commit": commit}
    torch.set_num_threads(1)
    for seed in range(3):
        for recipe in RECIPES:
            row = run(*recipe, seed) | about
            with ROWS.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
