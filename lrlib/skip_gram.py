"""Word vectors from skip-grams: a network whose gradients are zero for nearly all of its rows."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_REACH = 4  # how many words to each side count as neighbours
_NEGATIVES = 5


class SkipGram(nn.Module):
    r"""Score how well words fit as neighbours of a word: :math:`u_w \cdot v_c`.

    Each word has two vectors, one as the centre and one as a neighbour. A batch touches the rows of
    its own words alone, so that all other gradients are zero.

    Args:
        words: How many words there are, at least 1.
        width: The length of the vectors, at least 1.
        sparse: Whether gradients hold the touched rows alone, as `torch.optim.SparseAdam` wants.

    Source:
        Mikolov et al. (2013), equation 4.

    Example:
        >>> net = SkipGram(words=100, width=8)
        >>> tuple(net(torch.zeros(3, 7, dtype=torch.int64)).shape)
        (3, 6)
    """

    def __init__(self, words: int, width: int = 32, sparse: bool = False) -> None:
        super().__init__()
        self.centre = nn.Embedding(words, width, sparse=sparse)
        self.neighbour = nn.Embedding(words, width, sparse=sparse)
        nn.init.uniform_(self.centre.weight, -0.5 / width, 0.5 / width)
        nn.init.zeros_(self.neighbour.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map a centre and K candidates, int64 (B, 1 + K), to scores, float32 (B, K)."""
        centres, candidates = self.centre(x[:, :1]), self.neighbour(x[:, 1:])
        return (centres * candidates).sum(dim=-1)


def pairs(text: Tensor, words: int, batch_size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw words, for each one of its neighbours and five random words, without an end.

    Args:
        text: A text as numbers, int64, shape (N,).
        words: How many different words there are.
        batch_size: Centres in a batch, at least 1.
        seed: Decides what is drawn.

    Returns:
        Pairs (x, y): x int64 (B, 7), a centre, its neighbour and five random words; y float32
        (B, 6), 1 for the neighbour and 0 for the others.

    Source:
        Mikolov et al. (2013), section 2.2: random words by the power 3/4 of their frequency.
    """
    generator = torch.Generator().manual_seed(seed)
    frequency = torch.bincount(text, minlength=words).double() ** 0.75
    y = torch.zeros(batch_size, 1 + _NEGATIVES)
    y[:, 0] = 1
    bounds = torch.cumsum(frequency, dim=0)
    while True:
        place = torch.randint(_REACH, len(text) - _REACH, (batch_size,), generator=generator)
        step = torch.randint(1, _REACH + 1, (batch_size,), generator=generator)
        side = 1 - 2 * torch.randint(2, (batch_size,), generator=generator)
        drawn = torch.rand(batch_size, _NEGATIVES, generator=generator, dtype=torch.float64)
        others = torch.searchsorted(bounds, drawn * bounds[-1])
        x = torch.cat([text[place, None], text[place + step * side, None], others], dim=1)
        yield x, y
