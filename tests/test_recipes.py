"""The code that pages offer for copying runs as it stands, and does what the text says."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BOOK = Path(__file__).parents[1] / "book"
ADAMW = "AdamW(model.parameters(), lr=0.001, weight_decay=0.01)"


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_the_default_to_copy_warms_up_and_falls_to_zero_in_a_straight_line(optimizer):
    text = (BOOK / "choosing.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if optimizer == "AdamW":
        assert ADAMW in text
        code = code.replace("import SGD", "import AdamW")
        code = re.sub(r"SGD\(.*?\n\)", ADAMW, code, flags=re.DOTALL)
    torch.manual_seed(0)
    x = torch.randn(640, 5)
    y = (x + torch.randn(640, 5)).argmax(dim=1)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 5))
    names = {
        "model": model,
        "loader": DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True),
        "loss_fn": nn.functional.cross_entropy,
        "epochs": 5,
    }
    exec(code, names)
    assert type(names["optimizer"]).__name__ == optimizer
    rates = []
    for _ in range(100):
        rates.append(names["optimizer"].param_groups[0]["lr"])
        names["optimizer"].step()
        names["scheduler"].step()
    peak = names["peak"]
    assert peak == names["test"].suggest(run_steps=100, decaying=True)
    assert max(rates) == pytest.approx(peak)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[10:] == pytest.approx([peak * (1 - step / 90) for step in range(90)])
