"""The few array operations that NumPy and torch spell differently, and reused memory."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

# NumPy arrays and torch tensors share no useful static type.
Array = Any

# Below this, the allocator serves memory that is already mapped.
_POOLED_BYTES = 1 << 16


def library_of(array: Array) -> ModuleType:
    """Return the library, NumPy or torch, that an array belongs to."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def join(parts: list[Array], axis: int = 0) -> Array:
    """Concatenate; a single part is returned as it is."""
    return parts[0] if len(parts) == 1 else library_of(parts[0]).concatenate(parts, axis)


def permute(array: Array, order: list[int]) -> Array:
    """Return a view with its axes in another order."""
    return array.transpose(order) if isinstance(array, np.ndarray) else array.permute(order)


def take_rows(array: Array, rows: Array, out: Array) -> Array:
    """Gather rows into `out`."""
    if isinstance(array, np.ndarray):
        # "clip" spares NumPy a copy through a buffer; the rows are known to exist.
        return array.take(rows, axis=0, out=out, mode="clip")
    import torch

    return torch.index_select(array, 0, rows, out=out)


def conjugate(array: Array, pool: BufferPool) -> Array:
    """Return the complex conjugate in memory of its own, never torch's lazy view."""
    if isinstance(array, np.ndarray):
        return np.conjugate(array, out=pool.take(array))
    return library_of(array).conj_physical(array, out=pool.take(array))


def matrix_product(like: Array) -> Callable[..., Array]:
    """Return the library's quickest product of two small matrices, called with `out`."""
    return np.dot if isinstance(like, np.ndarray) else library_of(like).mm


def empty_stack(like: Array, count: int) -> Array:
    """Return uninitialized memory for `count` arrays like the given one."""
    if isinstance(like, np.ndarray):
        return np.empty((count, *like.shape), like.dtype)
    return like.new_empty((count, *like.shape))


class BufferPool:
    """State arrays that later calls use again.

    A new array from the operating system costs a page fault every 4 kB: for registers of
    8 to 12 qubits more than the arithmetic on it.
    """

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[BufferPool], tuple[()]]:
        return BufferPool, ()

    def take(self, like: Array) -> Array:
        """Return an uninitialized array of the shape and type of `like`."""
        size = like.nbytes // like.itemsize
        with self._lock:
            for k, flat in enumerate(self._free):
                if len(flat) == size and flat.dtype == like.dtype:
                    return self._free.pop(k).reshape(like.shape)
        # Not empty_like, which keeps the strides of a transposed array.
        if isinstance(like, np.ndarray):
            return np.empty(like.shape, like.dtype)
        return like.new_empty(like.shape)

    def multiply(self, real: Array, states: Array) -> Array:
        """Return the elementwise product with states of the same shape."""
        if states.nbytes < _POOLED_BYTES:
            return real * states
        return library_of(states).multiply(real, states, out=self.take(states))

    def give(self, array: Array) -> None:
        """Take back an array to which nothing refers any longer."""
        if array.nbytes >= _POOLED_BYTES:
            flat = array.reshape(-1)
            with self._lock:
                if self._free and len(self._free[0]) != len(flat):
                    self._free.clear()  # another batch size: do not keep both
                self._free.append(flat)
