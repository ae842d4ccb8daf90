"""Sparse evaluation of the experts: each runs once, on the rows that chose it."""

import torch
from torch import Tensor, nn

from qmoe_qiskit.moe.torch_connector.modes import is_exported, is_traced, is_transformed


def must_be_dense(inputs: Tensor) -> bool:
    """Whether rows cannot be grouped, since nobody knows yet which experts they choose.

    So it is under the transforms of `torch.func`, in traces and exports, and on the meta device.
    """
    return inputs.is_meta or is_traced() or is_transformed() or is_exported()


def dispatch(
    experts: nn.ModuleList, inputs_NF: Tensor, gates_NE: Tensor, runs_NE: Tensor
) -> Tensor:
    """Return sum_e gate_e expert_e(x), (N, C), where each expert sees only the rows it runs on.

    Args:
        experts: The E experts; one without rows is not called, and gets no gradient, except where
            other processes wait for that, see `_in_group`.
        inputs_NF: The rows, at least one.
        gates_NE: The weights of the experts.
        runs_NE: Whether an expert runs on a row.
    """
    # The M pairs of an expert and a row, sorted by expert.
    expert_M, row_M = runs_NE.T.nonzero(as_tuple=True)
    counts = torch.bincount(expert_M, minlength=len(experts)).tolist()
    groups = torch.split(inputs_NF.index_select(0, row_M), counts)
    runs_all = _in_group()
    called = zip(experts, groups, strict=True)
    outputs = [expert(x) for expert, x in called if runs_all or len(x)]
    if not outputs:  # an expert says how many outputs there are
        outputs = [experts[0](inputs_NF[:0])]
    outputs_MC = torch.cat(outputs)
    gates_M1 = gates_NE[row_M, expert_M].unsqueeze(-1).to(outputs_MC.dtype)
    mixed_NC = outputs_MC.new_zeros(len(inputs_NF), outputs_MC.shape[-1])
    return mixed_NC.index_add(0, row_M, gates_M1 * outputs_MC)


def _in_group() -> bool:
    """Whether this process is one of a group, which reduces the gradients of all experts in step.

    Without a gradient of each expert, `DistributedDataParallel` stops with an error, and
    `fully_shard` adds those of different experts.
    """
    return torch.distributed.is_available() and torch.distributed.is_initialized()
