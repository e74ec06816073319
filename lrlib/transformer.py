"""A small transformer that predicts the next character of a text."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Block(nn.Module):
    """Attention, then two layers for each position alone; each adds to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.alone = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.before_attention(x))
        return x + self.alone(x)

    def attention(self, x: Tensor) -> Tensor:
        """Each position takes from itself and from those before it what its query asks for."""
        batch, length, width = x.shape
        # (B, T, 3 W) -> three times (B, heads, T, W / heads)
        parts = self.queries_keys_values(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        taken = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(taken.transpose(1, 2).reshape(batch, length, width))


class SmallTransformer(nn.Module):
    """A transformer that predicts each next symbol from those before it.

    Symbols and their places become vectors; blocks of attention mix them; a linear layer turns
    each vector into one logit a symbol. Normalisation stands before attention, as in GPT-2.
    With the usual sizes and 65 symbols there are 112,577 parameters.

    The weights are drawn from torch's global generator: call `torch.manual_seed` first to get the
    same network twice.

    Args:
        symbols: How many different symbols there are, at least 1.
        width: The length of the vectors, a multiple of `heads`.
        blocks: How many blocks follow one another, at least 1.
        heads: Into how many parts attention divides the vectors, at least 1.
        context: The longest sequence that it sees, at least 1.

    Raises:
        ValueError: `width` is no multiple of `heads`.

    Example:
        >>> net = SmallTransformer(symbols=65)
        >>> sum(p.numel() for p in net.parameters())
        112577
        >>> tuple(net(torch.zeros(2, 64, dtype=torch.int64)).shape)
        (2, 64, 65)
    """

    def __init__(
        self, symbols: int, width: int = 64, blocks: int = 2, heads: int = 4, context: int = 64
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.symbol = nn.Embedding(symbols, width)
        self.place = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(blocks)))
        self.logits = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, symbols))
        for layer in self.modules():
            if isinstance(layer, nn.Embedding | nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)
            if isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map symbols, int64 (B, T), to the logits of each next one, float32 (B, T, symbols)."""
        places = torch.arange(x.shape[1], device=x.device)
        return self.logits(self.blocks(self.symbol(x) + self.place(places)))
