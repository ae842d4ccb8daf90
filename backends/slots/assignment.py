"""Which point runs in which slot, in which row of a packed work: a random, reproducible draw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmoe_qiskit.typing import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignment:
    """Points in slots. All points of a group run in the same slot, in rows that follow each other.

    The results of a group that runs several times are averaged.

    Attributes:
        groups_QM: The points of each group, each point in one group.
        cells_LK: The group in each slot, per block of M rows.
    """

    groups_QM: IntArray
    cells_LK: IntArray

    @classmethod
    def draw(cls, groups_QM: IntArray, n_slots: int, key: str) -> Assignment:
        """Draw a slot for each group, equal for equal keys on every machine and for all time.

        Cells that are left over in the last rows repeat the first groups of the draw.

        Args:
            groups_QM: The points of each group.
            n_slots: Number of slots.
            key: What decides the draw, such as the key of a work.
        """
        n_groups = len(groups_QM)
        n_blocks = -(-n_groups // n_slots)
        order_Q = permutation(n_groups, key)
        cells = order_Q[np.arange(n_blocks * n_slots) % max(n_groups, 1)]
        return cls(groups_QM=groups_QM, cells_LK=cells.reshape(n_blocks, n_slots))

    @classmethod
    def in_every_slot(cls, groups_QM: IntArray, n_slots: int, key: str) -> Assignment:
        """Draw, for each slot, the order in which it runs all groups; arguments are those of draw.

        Groups meet other neighbours in each slot: what crosstalk does to them differs as well.
        """
        orders = [permutation(len(groups_QM), f"{key} {k}") for k in range(n_slots)]
        return cls(groups_QM=groups_QM, cells_LK=np.stack(orders, axis=1))

    @property
    def points_RK(self) -> IntArray:
        """The point in each slot and row."""
        points_LKM = self.groups_QM[self.cells_LK]
        n_blocks, n_slots, n_members = points_LKM.shape
        return points_LKM.swapaxes(1, 2).reshape(n_blocks * n_members, n_slots)

    def pack(self, points_PG: FloatArray) -> FloatArray:
        """Return the angles of all slots, row by row: (R, K * G), slot after slot."""
        packed_RKG = points_PG[self.points_RK]
        n_rows, n_slots, n_angles = packed_RKG.shape
        packed: FloatArray = packed_RKG.reshape(n_rows, n_slots * n_angles)
        return packed

    def unpack(self, values_RX: FloatArray) -> FloatArray:
        """Return the mean of each point's values, (P, O), from those of all slots, (R, K * O)."""
        cells_RK = self.points_RK
        values_RKO = values_RX.reshape(*cells_RK.shape, values_RX.shape[1] // cells_RK.shape[1])
        sums = np.zeros((self.groups_QM.size, values_RKO.shape[-1]))
        np.add.at(sums, cells_RK, values_RKO)
        means: FloatArray = sums / self.times_P[:, None]
        return means

    def unpack_errors(self, errors_RX: FloatArray) -> FloatArray:
        """Return the standard errors of the means of `unpack`, (P, O)."""
        variances: FloatArray = self.unpack(errors_RX**2) / self.times_P[:, None]
        return np.sqrt(variances)

    @property
    def times_P(self) -> IntArray:
        """How often each point runs."""
        return np.bincount(self.points_RK.ravel(), minlength=self.groups_QM.size)


def singles(n_points: int) -> IntArray:
    """Return points as groups of one, (P, 1)."""
    return np.arange(n_points)[:, None]


def permutation(count: int, key: str) -> IntArray:
    """Return the numbers below `count` in a random order that the key decides.

    The order comes from SHAKE-256, not from NumPy's generators, whose streams may change with its
    version: results that were paid for must find their points for all time.

    >>> permutation(5, "a").tolist()
    [3, 0, 1, 4, 2]
    """
    stream = hashlib.shake_256(f"slots {key}".encode()).digest(8 * count)
    order: IntArray = np.argsort(np.frombuffer(stream, dtype="<u8"), kind="stable")
    return order
