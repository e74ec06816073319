"""Training batches: images in a random order, shifted and mirrored."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral

import torch
from torch import Tensor
from torch.nn import functional

from lrlib._memory import keep_freed_memory
from lrlib.images import Images, normalise, require_images

_FRAME = 4  # black pixels around an image, and the farthest it is shifted


def _whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


@dataclass
class Batches:
    """Shuffled training batches; each pass over them has a new order.

    A pass visits every image at most once. The images left over at its end, too few for a batch,
    are skipped.

    Args:
        images: The images to draw from.
        batch_size: Images in a batch, from 1 to the number of images.
        augment: Whether to shift each image by up to 4 pixels in both directions, black where it
            leaves a gap, and to mirror half of the images.
        seed: Decides the order and the augmentation, an integer from −2⁶³ to 2⁶⁴ − 1. Two objects
            with the same seed give the same batches, pass by pass.

    Returns:
        Iterating gives one pair (x, y) per batch. The images x are float32 of shape
        (batch_size, 3, 32, 32), with about zero mean and unit variance; the labels y are int64 of
        shape (batch_size,). `len` is the number of batches in a pass.

    Raises:
        ValueError: `batch_size` is not a whole number from 1 to the number of images, `seed` is no
            integer of its range, there is no image, the images are not uint8 of shape
            (N, 3, 32, 32), the labels are not int64 with one per image, or the two are on different
            devices.

    Example:
        >>> import torch
        >>> x = torch.zeros(300, 3, 32, 32, dtype=torch.uint8)
        >>> images = Images(x, torch.arange(300) % 10)
        >>> batches = Batches(images, batch_size=128, seed=0)
        >>> len(batches), [tuple(x.shape) for x, y in batches]
        (2, [(128, 3, 32, 32), (128, 3, 32, 32)])
    """

    images: Images
    batch_size: int = 128
    augment: bool = False
    seed: int = 0
    generator: torch.Generator = field(init=False, repr=False)
    _pixels: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_images(self.images)
        count = len(self.images.y)
        if not _whole(self.batch_size) or not 1 <= self.batch_size <= count:
            raise ValueError(
                f"batch_size must be a whole number from 1 to the {count} images there are, "
                f"got {self.batch_size}; take a number in this range or load more images"
            )
        if not _whole(self.seed) or not -(2**63) <= self.seed < 2**64:
            raise ValueError(
                f"seed must be a whole number from -2**63 to 2**64 - 1, got {self.seed!r}; "
                "take a number such as 0"
            )
        self.batch_size, self.seed = int(self.batch_size), int(self.seed)  # numpy's are none here
        keep_freed_memory()
        device = self.images.x.device
        self.generator = torch.Generator(device).manual_seed(self.seed)
        # All pixels of all images in one list, each image within a black frame: a shifted and
        # mirrored image is then 32 x 32 entries of that list, fetched in one go for a whole batch.
        framed = functional.pad(self.images.x, (_FRAME,) * 4).permute(0, 2, 3, 1)
        self._pixels = framed.reshape(-1, 3)

    def __len__(self) -> int:
        return len(self.images.y) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count, device = len(self.images.y), self.images.x.device
        order = torch.randperm(count, generator=self.generator, device=device)
        for chosen in order.split(self.batch_size)[: len(self)]:
            pixels = self._pixels.index_select(0, self._positions(chosen).flatten())
            x = pixels.view(self.batch_size, 32, 32, 3).permute(0, 3, 1, 2)
            yield normalise(x), self.images.y[chosen]

    def _positions(self, chosen: Tensor) -> Tensor:
        """Where each pixel of the chosen images lies in the list, (B, 32, 32) int64."""
        count, device, line = self.batch_size, chosen.device, 32 + 2 * _FRAME
        pixel = torch.arange(32, device=device)
        if self.augment:
            down, right = torch.randint(
                2 * _FRAME + 1, (2, count, 1), generator=self.generator, device=device
            )
            mirror = torch.rand((count, 1), generator=self.generator, device=device) < 0.5
            rows, columns = pixel + down, torch.where(mirror, 31 - pixel, pixel) + right
        else:
            rows = columns = (pixel + _FRAME).expand(count, 32)
        first = chosen[:, None] * line**2 + rows * line
        return first[:, :, None] + columns[:, None, :]
