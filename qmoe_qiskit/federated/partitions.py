"""A data set dealt out to clients: evenly, or with labels or features that differ by client."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.data.dataset import Dataset
from qmoe_qiskit.data.sampling import require_seed
from qmoe_qiskit.errors import InputError, require_positive, unknown_name
from qmoe_qiskit.registry import Entry, Registry

# A Dirichlet draw in which a client gets fewer rows than this is drawn again.
_FEWEST_ROWS = 10
_DRAWS = 100
_SHARDS_PER_CLIENT = 2
# Angle, in degrees, between the first and the last client of partition "rotate".
_TURN = 90.0

Rows = NDArray[np.intp]
# Takes labels (N,), the number of clients, the number in the name, and a generator to row numbers.
Deal = Callable[[NDArray[Any], int, float, np.random.Generator], list[Rows]]


@dataclass(frozen=True, kw_only=True)
class PartitionKind(Entry):
    """A way to deal out rows.

    Attributes:
        deal: Deals out row numbers.
        takes_number: Whether a positive number follows the name after a colon.
        rotates: Whether the features of each client are turned by an angle of its own.
    """

    deal: Deal
    takes_number: bool = False
    rotates: bool = False


def partition(
    dataset: Dataset, clients: int = 8, how: str = "iid", *, seed: int = 0
) -> tuple[Dataset, ...]:
    """Deal out the rows of a data set to clients; every row goes to one client.

    Args:
        dataset: The data set.
        clients: Number of clients.
        how: "iid": at random, in equal numbers. "dirichlet:A": each class is divided among the
            clients in shares from a symmetric Dirichlet distribution of concentration A (Hsu, Qi &
            Brown, arXiv:1909.06335); a small A gives clients few labels. "labels": rows are sorted
            by label and cut into two shards per client (McMahan et al., arXiv:1602.05629).
            "rotate": at random, and the two features of client k of K are turned about the mean of
            the data by 90 k / (K - 1) degrees.
        seed: Seed of the draw.

    Raises:
        InputError: If a value is not accepted, there are more clients than rows, or a client would
            get no row.

    >>> from qmoe_qiskit.data import load_dataset
    >>> parts = partition(load_dataset("moons", n_samples=60), clients=3, how="dirichlet:0.5")
    >>> sum(len(part.labels_N) for part in parts)
    60
    """
    kind, number = _chosen(how)
    require_positive("clients", clients)
    n_rows = dataset.labels_N.size
    if clients > n_rows:
        raise InputError(
            f"{clients} clients are more than the {n_rows} rows of {dataset.name}: use at most "
            f"{n_rows} clients, or more rows"
        )
    rng = np.random.default_rng(require_seed(seed))
    if kind.rotates and dataset.features_NF.shape[1] != 2:
        raise InputError(
            f"partition 'rotate' turns the plane of two features, and {dataset.name} has "
            f"{dataset.features_NF.shape[1]}: use another partition"
        )
    dealt = kind.deal(dataset.labels_N, clients, number, rng)
    if empty := [index + 1 for index, rows in enumerate(dealt) if not len(rows)]:
        raise InputError(
            f"partition {how!r} with seed {seed} leaves client {empty[0]} of {clients} without a "
            "row: use fewer clients, more rows, a larger concentration, or another seed"
        )
    parts = [
        dataset.take(np.sort(rows), f"client {index + 1} of {clients}, {how}, seed={seed}")
        for index, rows in enumerate(dealt)
    ]
    if kind.rotates:
        center_F = dataset.features_NF.mean(axis=0)
        angles = np.linspace(0, math.radians(_TURN), clients)
        parts = [_turned(part, a, center_F) for part, a in zip(parts, angles, strict=True)]
    return tuple(parts)


def _chosen(how: str) -> tuple[PartitionKind, float]:
    """Return the kind of a partition and the number in its name."""
    name, colon, text = str(how).partition(":")
    kinds = {kind.name.partition(":")[0]: kind for kind in PARTITIONS}
    if name not in kinds or bool(colon) != kinds[name].takes_number:
        raise unknown_name("partition", how, PARTITIONS.names)
    if not colon:
        return kinds[name], math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (number > 0 and math.isfinite(number)):
        raise InputError(
            f"the concentration of partition {how!r} must be a positive number, such as "
            f"{name}:0.3, got {text!r}"
        )
    return kinds[name], number


def _deal_evenly(
    labels_N: NDArray[Any], clients: int, _: float, rng: np.random.Generator
) -> list[Rows]:
    return np.array_split(rng.permutation(labels_N.size), clients)


def _deal_shards(
    labels_N: NDArray[Any], clients: int, _: float, rng: np.random.Generator
) -> list[Rows]:
    shuffled_N = rng.permutation(labels_N.size)
    sorted_N = shuffled_N[np.argsort(labels_N[shuffled_N], kind="stable")]
    shards = np.array_split(sorted_N, _SHARDS_PER_CLIENT * clients)
    order = rng.permutation(len(shards)).reshape(clients, _SHARDS_PER_CLIENT)
    return [np.concatenate([shards[shard] for shard in mine]) for mine in order]


def _deal_dirichlet(
    labels_N: NDArray[Any], clients: int, concentration: float, rng: np.random.Generator
) -> list[Rows]:
    fewest = max(1, min(_FEWEST_ROWS, labels_N.size // (2 * clients)))
    dealt: list[Rows] = []
    for _ in range(_DRAWS):
        pieces: list[list[Rows]] = [[] for _ in range(clients)]
        for label in np.unique(labels_N):
            rows = rng.permutation(np.flatnonzero(labels_N == label))
            shares = rng.dirichlet(np.full(clients, concentration))
            cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(int)
            for mine, piece in zip(pieces, np.split(rows, cuts), strict=True):
                mine.append(piece)
        dealt = [np.concatenate(mine) for mine in pieces]
        if min(map(len, dealt)) >= fewest:
            break
    return dealt


def _turned(part: Dataset, angle: float, center_F: NDArray[np.float64]) -> Dataset:
    cosine, sine = math.cos(angle), math.sin(angle)
    turn_FF = np.array([[cosine, sine], [-sine, cosine]])
    return replace(
        part,
        features_NF=(part.features_NF - center_F) @ turn_FF + center_F,
        source=f"{part.source}; turned by {math.degrees(angle):.1f} degrees",
    )


PARTITIONS = Registry(
    "partition",
    [
        PartitionKind(name="iid", help="equal parts at random", deal=_deal_evenly),
        PartitionKind(
            name="dirichlet:A",
            help="each class in Dirichlet shares of concentration A, such as dirichlet:0.3",
            deal=_deal_dirichlet,
            takes_number=True,
        ),
        PartitionKind(name="labels", help="two shards of sorted labels each", deal=_deal_shards),
        PartitionKind(
            name="rotate",
            help="equal parts, the plane of two features turned by up to 90 degrees",
            deal=_deal_evenly,
            rotates=True,
        ),
    ],
)
