"""Sparse evaluation of the experts: each runs once, on the rows that chose it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qmoe_qiskit.moe.torch_connector.modes import is_traced, is_transformed


def must_be_dense(inputs: Tensor) -> bool:
    """Whether rows cannot be grouped, since nobody knows yet which experts they choose.

    So it is under the transforms of `torch.func`, in traces and exports, and on the meta device.
    """
    exporting = getattr(torch.compiler, "is_exporting", bool)  # torch 2.7
    return inputs.is_meta or is_traced() or is_transformed() or exporting()


def dispatch(
    experts: Sequence[nn.Module], inputs_NF: Tensor, gates_NE: Tensor, runs_NE: Tensor
) -> Tensor:
    """Return sum_e gate_e expert_e(x), (N, C), where each expert sees only the rows it runs on.

    Args:
        experts: The E experts; one without rows is not called, and gets no gradient.
        inputs_NF: The rows, at least one.
        gates_NE: The weights of the experts.
        runs_NE: Whether an expert runs on a row.
    """
    # The M pairs of an expert and a row, sorted by expert.
    expert_M, row_M = runs_NE.T.nonzero(as_tuple=True)
    counts = torch.bincount(expert_M, minlength=len(experts)).tolist()
    groups = inputs_NF.index_select(0, row_M).split(counts)
    outputs = [expert(x) for expert, x in zip(experts, groups, strict=True) if len(x)]
    if not outputs:  # an expert says how many outputs there are
        outputs = [experts[0](inputs_NF[:0])]
    outputs_MC = torch.cat(outputs)
    gates_M1 = gates_NE[row_M, expert_M].unsqueeze(-1).to(outputs_MC.dtype)
    mixed_NC = outputs_MC.new_zeros(len(inputs_NF), outputs_MC.shape[-1])
    return mixed_NC.index_add(0, row_M, gates_M1 * outputs_MC)
