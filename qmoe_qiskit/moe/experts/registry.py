"""The table of experts: all that a name such as "mlp:32" stands for, in one entry per kind.

Reading the table loads neither torch nor Qiskit; building experts does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError, require_positive
from qmoe_qiskit.registry import Entry, Registry, size_in

if TYPE_CHECKING:
    import torch
    from torch import nn

    from qmoe_qiskit.backends import Backend

    Experts = str | Sequence[nn.Module] | Callable[[int, int], nn.Module]


@dataclass(frozen=True, kw_only=True)
class ExpertSettings:
    """What experts are built from; every kind uses the settings that it needs.

    Attributes:
        n_experts: Number of experts, E.
        n_features: Number of features, F.
        n_outputs: Number of outputs, C.
        size: Number after the colon of the expert's name; 0 where the kind takes none.
        n_layers: Number of layers of a quantum expert's circuit.
        backend: Backend that evaluates circuits, or a specification for `open_backend`.
        generator: Source of the initial weights.
    """

    n_experts: int
    n_features: int
    n_outputs: int
    size: int = 0
    n_layers: int = 2
    backend: Backend | str = "statevector"
    generator: torch.Generator | None = None


@dataclass(frozen=True, kw_only=True)
class ExpertKind(Entry):
    """A kind of expert.

    Attributes:
        name: The name that a user gives; "mlp:H" stands for "mlp:1", "mlp:2" and so on.
        label: The name in tables and figures; "{size}" stands for the number in the name.
        build: Function that builds all E experts, modules from (..., F) to outputs (..., C).
        counts: What the number in the name counts, such as "hidden units"; "" without a number.
    """

    label: str
    build: Callable[[ExpertSettings], Sequence[nn.Module]]
    counts: str = ""


def check_expert(expert: object) -> None:
    """Check a choice of experts, without building any.

    Raises:
        InputError: If it is neither a known name, nor modules, nor a function.
    """
    if isinstance(expert, str):
        size_in("expert", expert, EXPERTS.kind_of(expert).counts)
    elif not callable(expert) and not isinstance(expert, Sequence):
        raise InputError(
            f"expert must be a name ({', '.join(EXPERTS.names)}), a list of modules, or a function "
            f"of the numbers of features and outputs that returns one, got {expert!r}"
        )


def build_experts(
    expert: Experts,
    n_experts: int,
    n_features: int,
    n_outputs: int,
    *,
    n_layers: int = 2,
    backend: Backend | str = "statevector",
    generator: torch.Generator | None = None,
) -> list[nn.Module]:
    """Build the experts of a mixture.

    Args:
        expert: Name of an entry of `EXPERTS`; or the E modules themselves, which are copied; or a
            function that returns a module, called with F and C once per expert.
        n_experts: Number of experts, E.
        n_features: Number of features, F.
        n_outputs: Number of outputs, C.
        n_layers: Number of layers of a quantum expert's circuit.
        backend: Backend that evaluates circuits, or a specification for `open_backend`.
        generator: Source of the initial weights of experts by name or function.

    Raises:
        InputError: If the choice or a number is not accepted, or a module of the user's does not
            map F features to C outputs.

    >>> [expert] = build_experts("mlp:8", 1, 4, 3)
    >>> expert
    MLPExpert(
      (first): Linear(in_features=4, out_features=8, bias=True)
      (second): Linear(in_features=8, out_features=3, bias=True)
    )
    """
    check_expert(expert)
    require_positive("n_experts", n_experts)
    if isinstance(expert, str):
        kind = EXPERTS.kind_of(expert)
        settings = ExpertSettings(
            n_experts=n_experts,
            n_features=n_features,
            n_outputs=n_outputs,
            size=size_in("expert", expert, kind.counts),
            n_layers=n_layers,
            backend=backend,
            generator=generator,
        )
        return list(kind.build(settings))
    modules = _of_user(expert, n_experts, n_features, n_outputs, generator)
    for number, module in enumerate(modules):
        _check_outputs(number, module, n_features, n_outputs)
    return modules


def _of_user(
    expert: Sequence[nn.Module] | Callable[[int, int], nn.Module],
    n_experts: int,
    n_features: int,
    n_outputs: int,
    generator: torch.Generator | None,
) -> list[nn.Module]:
    """Return modules of the user's, or copies of them."""
    import copy

    import torch
    from torch import nn

    if isinstance(expert, nn.Module) and not isinstance(expert, nn.ModuleList):
        raise InputError(
            f"expert is one module, {type(expert).__name__}: give a list of {n_experts} modules, "
            "or a function that returns one"
        )
    if callable(expert) and not isinstance(expert, nn.ModuleList):
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            if generator is not None:  # a function draws weights from torch's global generator
                seed = torch.randint(2**62, (), generator=generator, device=generator.device)
                torch.default_generator.manual_seed(int(seed))
            modules = [expert(n_features, n_outputs) for _ in range(n_experts)]
    else:
        modules = [copy.deepcopy(module) for module in expert]
    given: list[object] = [*modules]  # whatever the user says it is
    strange = [type(one).__name__ for one in given if not isinstance(one, nn.Module)]
    if strange:
        raise InputError(f"experts must be modules of torch, got {strange[0]}")
    if len(modules) != n_experts:
        raise InputError(
            f"expert lists {len(modules)} modules, n_experts is {n_experts}: make them equal"
        )
    if len({id(module) for module in modules}) < len(modules):
        raise InputError("expert returns the same module twice: return a new one per call")
    return modules


def _check_outputs(number: int, module: nn.Module, n_features: int, n_outputs: int) -> None:
    """Refuse an expert of the user's that does not map features (2, F) to outputs (2, C).

    Other outputs would be broadcast to the targets, or give predictions of other rows.
    """
    import copy

    import torch

    tried = copy.deepcopy(module).eval()  # what it keeps of its inputs is forgotten
    like = next((p for p in tried.parameters() if p.is_floating_point()), torch.zeros(()))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = tried(like.new_ones(2, n_features))
        found = str(tuple(outputs.shape))
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
    if found != str((2, n_outputs)):
        raise InputError(
            f"expert {number}, {type(module).__name__}, must map features (B, {n_features}) to "
            f"outputs (B, {n_outputs}); on two rows it gave {found}"
        )


def _linear(settings: ExpertSettings) -> Sequence[nn.Module]:
    from qmoe_qiskit.moe.experts.classical import linear_experts

    sizes = (settings.n_experts, settings.n_features, settings.n_outputs)
    return linear_experts(*sizes, generator=settings.generator)


def _mlp(settings: ExpertSettings) -> Sequence[nn.Module]:
    from qmoe_qiskit.moe.experts.classical import mlp_experts

    sizes = (settings.n_experts, settings.n_features, settings.n_outputs)
    return mlp_experts(*sizes, hidden=settings.size, generator=settings.generator)


def _quantum(settings: ExpertSettings) -> Sequence[nn.Module]:
    from qmoe_qiskit.moe.experts.quantum import quantum_experts

    return quantum_experts(
        settings.n_experts,
        settings.n_features,
        settings.n_outputs,
        n_layers=settings.n_layers,
        backend=settings.backend,
        generator=settings.generator,
    )


EXPERTS = Registry(
    "expert",
    [
        ExpertKind(name="linear", help="one linear layer", label="linear", build=_linear),
        ExpertKind(
            name="mlp:H",
            help="H hidden units",
            label="ReLU (h = {size})",
            build=_mlp,
            counts="hidden units",
        ),
        ExpertKind(
            name="quantum",
            help="a circuit with the features as amplitudes",
            label="quantum",
            build=_quantum,
        ),
    ],
)
