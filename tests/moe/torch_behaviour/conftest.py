"""What PyTorch users do with a module: the router does as `torch.nn.Linear` does.

Every test of this folder is one behaviour and runs on three modules: `torch.nn.Linear`,
`RouterConnector`, and `QMoELayer`, a whole mixture with a quantum router. Where torch itself is no
judge, gradcheck is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch_subjects import SUBJECTS, draw, subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


@pytest.fixture(params=list(SUBJECTS))
def name(request: pytest.FixtureRequest) -> str:
    given: str = request.param
    return given


@pytest.fixture
def module(name: str) -> nn.Module:
    return subject(name)


@pytest.fixture
def inputs_BF(seed: int) -> Tensor:
    return draw(seed, 5, 2)


@pytest.fixture(autouse=True)
def compiler_forgets() -> Iterator[None]:
    yield
    torch._dynamo.reset()
