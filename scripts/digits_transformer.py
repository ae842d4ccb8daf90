"""A small transformer whose feed-forward blocks are mixtures of experts with quantum routers.

    python scripts/digits_transformer.py                  # half a minute on one core
    python scripts/digits_transformer.py --router linear  # the control

It reads scikit-learn's digits, 8x8 pixels, row by row: 8 tokens per image. All that concerns the
mixture is marked; the rest is a transformer as anybody writes it.
"""

from __future__ import annotations

import argparse
import time

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from qmoe_qiskit import QMoELayer

D_MODEL, N_EXPERTS, BATCH, BALANCE_WEIGHT = 32, 8, 64, 0.1


class Block(nn.Module):
    """Attention, then a mixture of experts, each on normalized tokens and added to them."""

    def __init__(self, router: str, generator: torch.Generator) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(D_MODEL, num_heads=4, batch_first=True)
        # The mixture stands where the feed-forward block stood.
        self.mixture = QMoELayer(D_MODEL, N_EXPERTS, top_k=2, router=router, generator=generator)
        self.norms = nn.ModuleList(nn.LayerNorm(D_MODEL) for _ in range(2))

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        """Return tokens, (B, T, D), for tokens (B, T, D)."""
        normal_BTD = self.norms[0](tokens_BTD)
        mixed_BTD, _ = self.attention(normal_BTD, normal_BTD, normal_BTD, need_weights=False)
        tokens_BTD = tokens_BTD + mixed_BTD
        routed_BTD: Tensor = tokens_BTD + self.mixture(self.norms[1](tokens_BTD))
        return routed_BTD


class Transformer(nn.Module):
    """Two blocks between an embedding of pixel rows and a linear layer on the mean token."""

    def __init__(self, router: str, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.embedding = nn.Linear(8, D_MODEL)
        self.position_TD = nn.Parameter(0.1 * torch.randn(8, D_MODEL, generator=generator))
        self.blocks = nn.Sequential(*(Block(router, generator) for _ in range(2)))
        self.head = nn.Linear(D_MODEL, 10)

    def forward(self, images_B88: Tensor) -> Tensor:
        """Return logits of the ten digits, (B, 10), for images (B, 8, 8)."""
        tokens_BTD = self.embedding(images_B88) + self.position_TD
        logits_BC: Tensor = self.head(self.blocks(tokens_BTD).mean(dim=1))
        return logits_BC


def mixtures(model: nn.Module) -> list[QMoELayer]:
    """Return the mixtures of a model."""
    return [module for module in model.modules() if isinstance(module, QMoELayer)]


def main() -> None:
    """Train, and say how well, how fast, and where the tokens go."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--router", default="quantum")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    pixels_NP, digits_N = load_digits(return_X_y=True)
    images_N88 = torch.tensor(pixels_NP, dtype=torch.float32).reshape(-1, 8, 8) / 16
    digits_N = torch.tensor(digits_N)
    order_N = torch.randperm(len(digits_N))
    test, train = order_N[:360], order_N[360:]
    model = Transformer(arguments.router, arguments.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    steps = arguments.epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    start = time.perf_counter()
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        for rows in torch.split(train[torch.randperm(len(train))], BATCH):
            loss = nn.functional.cross_entropy(model(images_N88[rows]), digits_N[rows])
            # The mixtures of the step's forward pass say how uneven their routing was.
            balance = sum(layer.balance_loss() for layer in mixtures(model))
            optimizer.zero_grad()
            torch.autograd.backward(loss + BALANCE_WEIGHT * balance)
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            hits = model(images_N88[test]).argmax(1) == digits_N[test]
        print(f"epoch {epoch:2d}  held-out accuracy {hits.float().mean():.3f}")
    print(f"{time.perf_counter() - start:.1f} s")
    for number, layer in enumerate(mixtures(model), start=1):
        shares = " ".join(f"{share:.2f}" for share in layer.load().load_E)
        print(f"block {number}: share of the tokens' choices per expert: {shares}")


if __name__ == "__main__":
    main()
