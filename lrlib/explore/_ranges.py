"""What a reader may choose: a range or a list of values for each parameter, and how it reads."""

import math
from collections.abc import Iterable, Mapping, Sequence

Range = tuple[float, float, float] | list[float]  # (lowest, highest, first value), or all there are
Values = dict[str, float]


class Stops(list[float]):
    """All the values that a slider has, and the one at which it begins."""

    def __init__(self, values: Iterable[float], first: float) -> None:
        super().__init__(values)
        self.first = first


def check(ranges: Mapping[str, Range]) -> None:
    if not 1 <= len(ranges) <= 4:
        raise ValueError(
            f"sliders take one to four parameters, got {len(ranges)}; fix the others in the "
            "function"
        )
    for name, limits in ranges.items():
        if isinstance(limits, list):
            if len(limits) < 2 or limits != sorted(set(limits)):
                raise ValueError(f"{name} must be a list of values that rise, got {limits}")
            continue
        low, high, first = limits
        if not low <= first <= high or low == high:
            raise ValueError(
                f"{name} must be (lowest, highest, first value) with the first value in between, "
                f"got ({low}, {high}, {first})"
            )


def words(name: str) -> str:
    name = name.replace("_", " ").replace("warmup", "warm-up")
    return name.replace("lr", "learning rate")


def said(alt: str, values: Values) -> str:
    """What a picture shows, and at which values."""
    setting = ", ".join(f"{words(name)} {value:.4g}" for name, value in values.items())
    return f"{alt} {setting}."


def said_of(alt: str, shown: Sequence[str]) -> str:
    """What a picture shows, and which of its parts."""
    return f"{alt} Shown: {'; '.join(shown) or 'none'}."


def first_value(limits: Range) -> float:
    """Where a slider begins: in the middle of a list that doesn't say."""
    if isinstance(limits, Stops):
        return limits.first
    return limits[len(limits) // 2] if isinstance(limits, list) else limits[2]


def is_whole(limits: Range) -> bool:
    return all(isinstance(value, int) for value in limits)


def is_logarithmic(limits: Range) -> bool:
    low, high = limits[0], limits[-1] if isinstance(limits, list) else limits[1]
    return not is_whole(limits) and low > 0 and high / low >= 100


_ROUND = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)  # in each decade of a logarithmic slider


def stops(limits: Range) -> list[float]:
    """The values of a slider: round numbers, both limits, and exactly the first value."""
    if isinstance(limits, list):
        return limits
    low, high, first = limits
    if is_logarithmic(limits):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        round_numbers = [float(f"{digit}e{decade}") for decade in decades for digit in _ROUND]
    else:
        decimals = -math.floor(math.log10((high - low) / 50))  # 50 to 500 stops
        unit = 10.0**-decimals
        places = range(math.ceil(low / unit), math.floor(high / unit) + 1)
        round_numbers = [round(place * unit, decimals) for place in places]
    return sorted({low, first, high, *(value for value in round_numbers if low < value < high)})
