"""The part of benchmark.py that is about the layer for models of others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.measuring import Row, in_turns
from qmoe_qiskit import QMoELayer

D_MODEL, BATCH, N_EXPERTS, TOP_K, N_QUBITS = 64, 32, 8, 2, 4


class Block(nn.Module):
    """A transformer's block whose feed-forward part is a mixture."""

    def __init__(self, router: str) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.norms = nn.ModuleList(nn.LayerNorm(D_MODEL) for _ in range(2))
        self.attention = nn.MultiheadAttention(D_MODEL, 4, batch_first=True)
        self.mixture = QMoELayer(
            D_MODEL, N_EXPERTS, TOP_K, router=router, n_qubits=N_QUBITS, generator=generator
        )

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        """Return tokens, (B, T, D)."""
        normal_BTD = self.norms[0](tokens_BTD)
        mixed_BTD, _ = self.attention(normal_BTD, normal_BTD, normal_BTD, need_weights=False)
        tokens_BTD = tokens_BTD + mixed_BTD
        mixed_BTD = self.mixture(self.norms[1](tokens_BTD))
        routed_BTD: Tensor = tokens_BTD + mixed_BTD
        return routed_BTD


def block_step(router: str, n_tokens: int) -> Callable[[], object]:
    """Return one step of training a block, with its balance loss, in float32."""
    block = Block(router)
    optimizer = torch.optim.AdamW(block.parameters())
    generator = torch.Generator().manual_seed(0)
    tokens_BTD = torch.randn(BATCH, n_tokens, D_MODEL, generator=generator)

    def step() -> None:
        optimizer.zero_grad()
        loss = block(tokens_BTD).square().mean() + 0.1 * block.mixture.balance_loss()
        loss.backward()
        optimizer.step()

    return step


def measure_layer() -> list[Row]:
    """Time a transformer's block with a quantum router over the same with a linear router."""
    rows = []
    for n_tokens in (16, 64):
        routers = ("quantum", "linear")
        actions = {router: block_step(router, n_tokens) for router in routers}
        times = in_turns(actions, rounds=7, block=5)
        ratio = times["quantum"] / times["linear"]
        rows.append(
            Row(
                what=f"step of a transformer block, {BATCH} x {n_tokens} tokens of {D_MODEL}, top-"
                f"{TOP_K} of {N_EXPERTS} experts, {N_QUBITS} qubits, over a linear router",
                ours=ratio,
                unit="x",
                peers={f"{router}, ms": time for router, time in times.items()},
                goal="at most 1.5",
                met=ratio <= 1.5,
            )
        )
    return rows
