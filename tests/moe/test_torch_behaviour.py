"""What PyTorch users do with a module: the router does as `torch.nn.Linear` does.

Every test is one behaviour and runs on three modules: `torch.nn.Linear`, `RouterConnector`, and
`QMoELayer`, a whole mixture with a quantum router. Where torch itself is no judge, gradcheck is.
"""

from __future__ import annotations

import copy
import io
import pickle
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vmap
from torch.nn.utils import parametrizations, parametrize, prune
from torch_subjects import SUBJECTS, Evaluated, answer, subject, train_in_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# torch says so of its tracer, and scripts its own formulas of forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")

# Sums of up to 100 numbers around 1, in double precision and in another order.
close = partial(torch.testing.assert_close, rtol=0, atol=1e-13)

# What torch does with its own modules needs whole processes to show, and no test of ours: a trial.
TORCHS_OWN = pytest.param("linear", marks=pytest.mark.trial)


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


def draw(seed: int, *shape: int) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double() - 1


def loss_of(module: nn.Module, inputs: Tensor) -> Tensor:
    loss: Tensor = module(inputs).square().sum()
    return loss


def gradients(module: nn.Module, inputs: Tensor) -> list[Tensor]:
    """What autograd gives for the loss, in the order of the parameters."""
    return list(torch.autograd.grad(loss_of(module, inputs), list(module.parameters())))


def owner_of_weight(module: nn.Module) -> nn.Module:
    """The module itself, or the connector in a layer."""
    return module.mixture.router.router.connector if hasattr(module, "mixture") else module


def as_function(module: nn.Module) -> tuple[Callable[..., Tensor], dict[str, Tensor]]:
    """The module as a function of its parameters and an input, and the parameters."""
    parameters = {key: value.detach() for key, value in module.named_parameters()}
    return (lambda given, inputs: functional_call(module, given, (inputs,))), parameters


# State


def test_state_comes_back(name: str, module: nn.Module, inputs_BF: Tensor) -> None:
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = subject(name, seed=1)
    assert not torch.equal(other(inputs_BF), module(inputs_BF))
    loaded = other.load_state_dict(torch.load(file, weights_only=True))
    assert (loaded.missing_keys, loaded.unexpected_keys) == ([], [])
    assert torch.equal(other(inputs_BF), module(inputs_BF))


def test_the_state_is_that_of_the_parameters(module: nn.Module) -> None:
    assert list(module.state_dict()) == [key for key, _ in module.named_parameters()]
    assert "weight" in owner_of_weight(module).state_dict()


def test_states_that_do_not_fit_are_refused(module: nn.Module) -> None:
    state = module.state_dict()
    key = next(iter(state))
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict({k: v for k, v in state.items() if k != key})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        module.load_state_dict({**state, "another": state[key]})
    with pytest.raises(RuntimeError, match="size mismatch"):
        module.load_state_dict({**state, key: torch.zeros(7)})


def by_torch(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


def by_joblib(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    joblib.dump(module, file)
    file.seek(0)
    loaded: nn.Module = joblib.load(file)
    return loaded


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module)), by_torch, by_joblib],  # noqa: S301
    ids=["deepcopy", "pickle", "torch", "joblib"],
)
def test_copies_are_independent(
    copied: Callable[[nn.Module], nn.Module], module: nn.Module, inputs_BF: Tensor
) -> None:
    before = module(inputs_BF)
    other = copied(module)
    assert torch.equal(other(inputs_BF), before)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.5)
    assert torch.equal(module(inputs_BF), before)
    assert not torch.equal(other(inputs_BF), before)


def test_made_on_no_device_and_loaded(name: str, module: nn.Module, inputs_BF: Tensor) -> None:
    with torch.device("meta"):
        empty = SUBJECTS[name]().double()
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    values = empty(inputs_BF.to("meta"))
    assert (values.shape, values.dtype, values.device.type) == ((5, 2), torch.float64, "meta")
    assert values.requires_grad
    loaded = empty.to_empty(device="cpu")
    loaded.load_state_dict(module.state_dict())
    assert torch.equal(loaded(inputs_BF), module(inputs_BF))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_default_type_is_that_of_new_weights(name: str, dtype: torch.dtype) -> None:
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(dtype)
        made = SUBJECTS[name]()
    finally:
        torch.set_default_dtype(before)
    assert {parameter.dtype for parameter in made.parameters()} == {dtype}


# Training


def test_gradients_accumulate(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    for part in inputs_BF.split(2):
        loss_of(module, part).backward()
    for parameter, wanted in zip(module.parameters(), expected, strict=True):
        close(parameter.grad, wanted)


def test_lbfgs_finds_a_module_that_gives_the_same(name: str, inputs_BF: Tensor) -> None:
    """From weights near those of the module; what is left of the distance is 1e-6 of it."""
    teacher, student = subject(name), subject(name)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.1)
    targets = teacher(inputs_BF).detach()
    optimizer = torch.optim.LBFGS(student.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (student(inputs_BF) - targets).square().sum()
        loss.backward()
        return loss

    start = closure().item()
    optimizer.step(closure)
    assert closure().item() < 1e-6 * start


def test_averaged_weights(name: str, inputs_BF: Tensor) -> None:
    members = [subject(name, seed=k) for k in range(3)]
    averaged = torch.optim.swa_utils.AveragedModel(members[0])
    for member in members:
        averaged.update_parameters(member)
    expected = subject(name)
    with torch.no_grad():
        for parameter, *each in zip(
            expected.parameters(), *(member.parameters() for member in members), strict=True
        ):
            parameter.copy_(torch.stack(each).mean(0))
    close(averaged(inputs_BF), expected(inputs_BF))


def test_frozen_weights_get_no_gradient_and_pass_gradients_on(
    module: nn.Module, inputs_BF: Tensor
) -> None:
    inputs_BF.requires_grad_()
    (expected,) = torch.autograd.grad(loss_of(module, inputs_BF), inputs_BF)
    module.requires_grad_(False)
    loss_of(module, inputs_BF).backward()
    close(inputs_BF.grad, expected)
    assert [parameter.grad for parameter in module.parameters()] == [None] * len(
        list(module.parameters())
    )
    assert not module(inputs_BF.detach()).requires_grad


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    expected = module(inputs_BF)
    with mode():
        values = module(inputs_BF)
        assert not values.requires_grad
        assert values.is_inference() == (mode is torch.inference_mode)
    assert torch.equal(values, expected)


def test_autocast(module: nn.Module, inputs_BF: Tensor) -> None:
    module.float()
    inputs = inputs_BF.float()
    expected, wanted = module(inputs), gradients(module, inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = module(inputs)
        loss = values.float().square().sum()
    loss.backward()
    # bfloat16 has 8 bits: 1/256 of each of the few numbers that are summed, which are below 3.
    torch.testing.assert_close(values.float(), expected, rtol=0, atol=0.05)
    for parameter, gradient in zip(module.parameters(), wanted, strict=True):
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        torch.testing.assert_close(parameter.grad, gradient, rtol=0.05, atol=0.2)


def test_change_in_place_between_forward_and_backward(module: nn.Module, inputs_BF: Tensor) -> None:
    """Of what the gradient depends on: Linear's by its inputs depends on the weights."""
    inputs_BF.requires_grad_()
    loss = module(inputs_BF).sum()
    with torch.no_grad():
        owner_of_weight(module).weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_graph_is_used_once(module: nn.Module, inputs_BF: Tensor) -> None:
    loss = loss_of(module, inputs_BF)
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.filterwarnings(
    "ignore:Error detected in:UserWarning"
)  # where it was, before it raises
def test_anomaly_mode(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        for actual, wanted in zip(gradients(module, inputs_BF), expected, strict=True):
            assert torch.equal(actual, wanted)
        with pytest.raises(RuntimeError, match="nan values"):
            (module(inputs_BF).sum() * float("nan")).backward()


def test_recomputation_in_the_backward_pass(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = gradients(module, inputs_BF)
    values = torch.utils.checkpoint.checkpoint(module, inputs_BF, use_reentrant=False)
    values.square().sum().backward()
    for parameter, wanted in zip(module.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, wanted)


def test_hooks(module: nn.Module, inputs_BF: Tensor) -> None:
    seen: dict[str, Any] = {}
    module.register_forward_pre_hook(lambda _, args: (2 * args[0],))
    module.register_forward_hook(lambda _, args, values: seen.update(inputs=args[0], out=values))
    module.register_full_backward_pre_hook(lambda _, given: (3 * given[0],))
    module.register_full_backward_hook(
        lambda _, by_inputs, by_values: seen.update(by_inputs=by_inputs[0], by_values=by_values[0])
    )
    plain = copy.deepcopy(module)
    for hooks in ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks"):
        getattr(plain, hooks).clear()
    inputs_BF.requires_grad_()
    module(inputs_BF).sum().backward()
    close(seen["inputs"], 2 * inputs_BF)
    close(seen["out"], plain(2 * inputs_BF))
    close(seen["by_values"], torch.full((5, 2), 3.0).double())
    doubled = (2 * inputs_BF).detach().requires_grad_()
    (wanted,) = torch.autograd.grad(3 * plain(doubled).sum(), doubled)
    close(seen["by_inputs"], wanted)
    close(inputs_BF.grad, 2 * wanted)


# Shapes


@pytest.mark.parametrize("leading", [(), (1,), (4,), (2, 3), (2, 1, 3), (0,), (2, 0)])
def test_leading_dimensions(leading: tuple[int, ...], module: nn.Module, seed: int) -> None:
    inputs = draw(seed, *leading, 2).requires_grad_()
    values = module(inputs)
    assert values.shape == (*leading, 2)
    values.square().sum().backward()
    rows = [row.detach().requires_grad_() for row in inputs.reshape(-1, 2)]
    for row in rows:
        loss_of(module, row).backward()
    one_by_one = torch.stack([module(row) for row in rows]) if rows else torch.zeros(0, 2).double()
    close(values.reshape(-1, 2), one_by_one)
    assert inputs.grad is not None
    wanted = torch.stack([row.grad for row in rows]) if rows else torch.zeros(0, 2).double()
    close(inputs.grad.reshape(-1, 2), wanted)


def test_batch_without_rows_has_no_gradient(module: nn.Module) -> None:
    loss_of(module, torch.zeros(0, 2).double()).backward()
    for parameter in module.parameters():
        assert torch.equal(parameter.grad, torch.zeros_like(parameter))


def test_other_shapes_are_refused(module: nn.Module) -> None:
    for shape in ((3,), (4, 3), ()):
        with pytest.raises((RuntimeError, ValueError)):
            module(torch.zeros(shape).double())


# Gradcheck


def test_gradcheck(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)

    def evaluate(inputs: Tensor, *given: Tensor) -> Tensor:
        return function(dict(zip(parameters, given, strict=True)), inputs)

    variables = (inputs_BF[:2], *parameters.values())
    variables = tuple(v.clone().requires_grad_() for v in variables)
    assert torch.autograd.gradcheck(
        evaluate,
        variables,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert torch.autograd.gradgradcheck(evaluate, variables, check_fwd_over_rev=True)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_forward_mode(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    change_BF = torch.ones_like(inputs_BF)
    jacobian_BOBF = torch.autograd.functional.jacobian(module, inputs_BF)
    with mode(), torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(inputs_BF, change_BF)
        tangent = torch.autograd.forward_ad.unpack_dual(module(dual)).tangent
    assert tangent is not None
    close(tangent, torch.einsum("bocf,cf->bo", jacobian_BOBF, change_BF))


def test_vectorized_jacobian(module: nn.Module, inputs_BF: Tensor) -> None:
    expected = torch.autograd.functional.jacobian(module, inputs_BF)
    close(torch.autograd.functional.jacobian(module, inputs_BF, vectorize=True), expected)


# torch.func: loops over autograd are the judge


def test_func_grad(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    slopes = grad(lambda given: function(given, inputs_BF).square().sum())(parameters)
    for actual, wanted in zip(slopes.values(), gradients(module, inputs_BF), strict=True):
        close(actual, wanted)


@pytest.mark.parametrize("dims", [(0, 0), (1, 1), (2, 0), (0, 2)], ids=str)
def test_vmap_over_inputs(dims: tuple[int, int], module: nn.Module, seed: int) -> None:
    in_dim, out_dim = dims
    inputs = draw(seed, 3, 4, 2)
    stacked = inputs.movedim(0, in_dim) if in_dim < 2 else inputs.permute(1, 2, 0)
    values = vmap(module, in_dims=in_dim, out_dims=out_dim)(stacked)
    wanted = torch.stack([module(part) for part in stacked.unbind(in_dim)], dim=out_dim)
    close(values, wanted)


def test_vmap_in_vmap(module: nn.Module, seed: int) -> None:
    inputs = draw(seed, 3, 4, 2)
    close(vmap(vmap(module))(inputs), module(inputs))


def test_gradients_per_sample(module: nn.Module, seed: int) -> None:
    inputs, targets = draw(seed, 4, 2), draw(seed + 1, 4, 2)
    function, parameters = as_function(module)

    def loss(given: dict[str, Tensor], x_F: Tensor, y_C: Tensor) -> Tensor:
        return (function(given, x_F) - y_C).square().sum()

    slopes = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)
    for row in range(4):
        loss_of_row = (module(inputs[row]) - targets[row]).square().sum()
        wanted = torch.autograd.grad(loss_of_row, list(module.parameters()))
        for actual, gradient in zip(slopes.values(), wanted, strict=True):
            close(actual[row], gradient)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians(transform: Any, module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    by_parameters, by_inputs = transform(function, argnums=(0, 1))(parameters, inputs_BF)
    close(by_inputs, torch.autograd.functional.jacobian(module, inputs_BF))
    for row in range(5):
        for output in range(2):
            value = module(inputs_BF)[row, output]
            wanted = torch.autograd.grad(value, list(module.parameters()), allow_unused=True)
            for actual, gradient in zip(by_parameters.values(), wanted, strict=True):
                part = actual[row, output]
                close(part, torch.zeros_like(part) if gradient is None else gradient)


def test_jvp(module: nn.Module, inputs_BF: Tensor) -> None:
    function, parameters = as_function(module)
    changes = {key: torch.ones_like(value) for key, value in parameters.items()}
    values, change = jvp(function, (parameters, inputs_BF), (changes, torch.ones_like(inputs_BF)))
    by_parameters, by_inputs = jacrev(function, argnums=(0, 1))(parameters, inputs_BF)
    wanted = by_inputs.sum((2, 3)) + sum(part.flatten(2).sum(2) for part in by_parameters.values())
    close(values, module(inputs_BF))
    close(change, wanted)


def test_hessian(module: nn.Module, inputs_BF: Tensor) -> None:
    """Forward over reverse, and the derivatives of a gradient with create_graph=True."""
    actual = hessian(partial(loss_of, module))(inputs_BF[:2])
    inputs = inputs_BF[:2].clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss_of(module, inputs), inputs, create_graph=True)
    wanted = [torch.autograd.grad(part, inputs, retain_graph=True)[0] for part in slope.reshape(-1)]
    close(actual.reshape(4, 2, 2), torch.stack(wanted))


@pytest.mark.parametrize("inputs_dim", [None, 0])
def test_ensembles(inputs_dim: int | None, name: str, seed: int) -> None:
    members = [subject(name, seed=k) for k in range(3)]
    parameters, buffers = stack_module_state(members)
    skeleton = copy.deepcopy(members[0]).to("meta")
    inputs = draw(seed, 3, 4, 2) if inputs_dim == 0 else draw(seed, 4, 2)
    each = list(inputs) if inputs_dim == 0 else [inputs] * 3

    def evaluate(given: Any, buffer: Any, inputs: Tensor) -> Tensor:
        values: Tensor = functional_call(skeleton, (given, buffer), (inputs,))
        return values

    values = vmap(evaluate, in_dims=(0, 0, inputs_dim))(parameters, buffers, inputs)
    values.square().sum().backward()
    for k, (member, part) in enumerate(zip(members, each, strict=True)):
        close(values[k], member(part))
        for stacked, gradient in zip(parameters.values(), gradients(member, part), strict=True):
            close(stacked.grad[k], gradient)


# Programs that torch records


@pytest.mark.parametrize("backend", [pytest.param("eager", marks=pytest.mark.trial), "aot_eager"])
def test_compiled_without_a_break(backend: str, module: nn.Module, inputs_BF: Tensor) -> None:
    compiled = torch.compile(module, fullgraph=True, backend=backend)
    for inputs in (inputs_BF, inputs_BF[:3] + 1, inputs_BF[None]):
        close(compiled(inputs), module(inputs))
        for actual, wanted in zip(
            gradients(compiled, inputs),
            gradients(module, inputs),
            strict=True,
        ):
            close(actual, wanted)
        with torch.no_grad():
            close(compiled(inputs), module(inputs))


@pytest.mark.parametrize("strict", [False, True])
def test_exported(*, strict: bool, module: nn.Module, inputs_BF: Tensor) -> None:
    rows = {0: torch.export.Dim("rows", min=2)}
    program = torch.export.export(module, (inputs_BF,), dynamic_shapes=(rows,), strict=strict)
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    for loaded in (program, torch.export.load(file)):
        for inputs in (inputs_BF, inputs_BF[:3] + 1):
            close(loaded.module()(inputs), module(inputs))


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_traced(mode: Callable[[], Any], module: nn.Module, inputs_BF: Tensor) -> None:
    with mode():
        traced = torch.jit.trace(module, (inputs_BF,))
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    for loaded in (traced, torch.jit.load(file)):
        for inputs in (inputs_BF, inputs_BF[:3] + 1):
            close(loaded(inputs), module(inputs))
            for actual, wanted in zip(
                gradients(loaded, inputs), gradients(module, inputs), strict=True
            ):
                close(actual, wanted)


# What takes the place of a parameter


def test_pruned_weights(module: nn.Module, inputs_BF: Tensor) -> None:
    owner = owner_of_weight(module)
    before = owner.weight.detach().clone()
    prune.l1_unstructured(owner, "weight", amount=2)
    values = module(inputs_BF)
    smallest = before.abs().flatten().argsort()[:2]
    pruned = before.flatten().index_fill(0, smallest, 0).reshape(before.shape)
    close(owner.weight, pruned)
    assert {"weight_orig", "weight_mask"} <= owner.state_dict().keys()
    loss_of(module, inputs_BF).backward()
    assert torch.equal(owner.weight_orig.grad == 0, pruned == 0)
    prune.remove(owner, "weight")
    assert "weight_orig" not in owner.state_dict()
    assert isinstance(owner.weight, nn.Parameter)
    close(module(inputs_BF), values)
    close(owner.weight.detach(), pruned)


class Doubled(nn.Module):
    def forward(self, half: Tensor) -> Tensor:
        return 2 * half

    def right_inverse(self, whole: Tensor) -> Tensor:
        return whole / 2


def test_parametrized_weights(module: nn.Module, inputs_BF: Tensor) -> None:
    owner = owner_of_weight(module)
    before, wanted = module(inputs_BF), gradients(module, inputs_BF)
    position = [parameter is owner.weight for parameter in module.parameters()].index(True)
    parametrize.register_parametrization(owner, "weight", Doubled())
    close(module(inputs_BF), before)
    loss_of(module, inputs_BF).backward()
    close(owner.parametrizations.weight.original.grad, 2 * wanted[position])
    owner.weight = torch.ones_like(owner.weight)
    assert not torch.equal(module(inputs_BF), before)
    parametrize.remove_parametrizations(owner, "weight")
    close(owner.weight.detach(), torch.ones_like(owner.weight))
    assert isinstance(owner.weight, nn.Parameter)


def test_weight_norm(module: nn.Module, inputs_BF: Tensor) -> None:
    owner, before = owner_of_weight(module), module(inputs_BF)
    parametrizations.weight_norm(owner, "weight")
    close(module(inputs_BF), before)
    loss_of(module, inputs_BF).backward()
    assert {
        key for key, value in owner.named_parameters() if "weight" in key and value.grad is not None
    } == {"parametrizations.weight.original0", "parametrizations.weight.original1"}


# Processes


@pytest.mark.process
@pytest.mark.parametrize("name", [TORCHS_OWN, "layer"], indirect=True)
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_child_processes(start: str, module: nn.Module, inputs_BF: Tensor) -> None:
    context = torch.multiprocessing.get_context(start)
    queue = context.SimpleQueue()
    process = context.Process(target=answer, args=(module, inputs_BF, queue))
    process.start()
    values, slopes = queue.get()
    process.join()
    assert process.exitcode == 0
    np.testing.assert_array_equal(values, module(inputs_BF).detach())
    for actual, wanted in zip(slopes, gradients(module, inputs_BF), strict=True):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.process
@pytest.mark.parametrize("name", [TORCHS_OWN, "layer"], indirect=True)
@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_workers_of_a_data_loader(start: str, module: nn.Module, inputs_BF: Tensor) -> None:
    loader = torch.utils.data.DataLoader(
        Evaluated(module, inputs_BF), batch_size=2, num_workers=1, multiprocessing_context=start
    )
    close(torch.cat(list(loader)), module(inputs_BF))


@pytest.mark.process
@pytest.mark.parametrize("name", [TORCHS_OWN, "sparse"], indirect=True)
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.trial), 2])
def test_training_in_parallel(size: int, name: str, module: nn.Module) -> None:
    """The rows of the two processes choose different experts of the sparse layer."""
    inputs_BF = torch.tensor([[-4.5, -4.6], [-4.4, -4.5], [1.3, -5.0], [1.2, -4.9]]).double()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = torch.multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [
        context.Process(target=train_in_group, args=(rank, (size, port), name, inputs_BF, queue))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    whole, shards = queue.get(timeout=300)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    module(inputs_BF).square().mean().backward()
    for slopes in (whole, shards):
        for actual, parameter in zip(slopes, module.parameters(), strict=True):
            wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            close(torch.from_numpy(actual), wanted)
