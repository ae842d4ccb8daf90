"""Between a fitted estimator and plain data, which a run folder stores."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from qmoe_qiskit.backends import BackendSpec
from qmoe_qiskit.backends.noisy.registry import noise_from
from qmoe_qiskit.circuits import CIRCUITS, RouterCircuit
from qmoe_qiskit.errors import EngineMismatchError, InputError, RunError
from qmoe_qiskit.noise_profiles import NoiseProfile
from qmoe_qiskit.train.execution import options_of, profile_of
from qmoe_qiskit.train.features import FeatureMap
from qmoe_qiskit.train.fingerprint import ADDED, settings_from_json
from qmoe_qiskit.train.model import circuit_of
from qmoe_qiskit.train.settings import BACKEND_SETTINGS, check_settings, plain

if TYPE_CHECKING:
    from qmoe_qiskit.train.estimator import MixtureEstimator

ModelT = TypeVar("ModelT", bound="MixtureEstimator")

_ARRAYS = ("minimum_F", "maximum_F", "matrix_FK", "offset_K")


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """A fitted estimator without code: enough to predict from in another process.

    Attributes:
        config: Settings, labels, history and scaling range, in JSON types.
        tensors: Parameters of the module and arrays of the feature map.
        circuit: The router's circuit in QPY (a user's own circuit with its own observables), or
            None for a classical router.
        noise_profile: The calibration of the backend's device as JSON, or None without a device.
    """

    config: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    circuit: bytes | None
    noise_profile: bytes | None = None

    def __repr__(self) -> str:
        settings, numbers = self.config["settings"], sum(t.numel() for t in self.tensors.values())
        return (
            f"<ModelState of router {settings['router']!r} on {settings['backend']!r}: {numbers} "
            f"numbers in {len(self.tensors)} tensors>"
        )

    @property
    def task(self) -> str:
        """What the model predicts: "classification" or "regression"."""
        with _as_damage():
            return str(self.config.get("task", "classification"))

    def backend_spec(self) -> BackendSpec:
        """Return where the estimator's circuit ran in training.

        Raises:
            RunError: If what is stored makes no sense.
        """
        with _as_damage():
            settings, profile = {**ADDED, **self.config["settings"]}, self.noise_profile
            return BackendSpec(
                backend=_named(settings["backend"], profile),
                options=self.config.get("runtime_options"),
                slots=settings.get("slots"),
                **{name: settings[name] for name in ADDED},
            )


def model_state(estimator: "MixtureEstimator") -> ModelState:
    """Return a fitted estimator as plain data.

    Raises:
        sklearn.exceptions.NotFittedError: If the estimator is not fitted.
    """
    check_is_fitted(estimator)
    if not isinstance(estimator.expert, str):
        raise InputError(
            "experts of your own are code, which no file holds: keep module_.state_dict(), and "
            "load it into an estimator that is fitted for an epoch, or choose experts by name"
        )
    features, router = estimator.feature_map_, estimator.router
    own_circuit = router if isinstance(router, RouterCircuit) else None
    circuit = own_circuit or circuit_of(estimator.module_)
    profile = profile_of(estimator.backend_)
    is_sampled = estimator.routing == "sampled"
    votes = {"votes_seed": estimator.votes_seed_} if is_sampled else {}
    tensors = {f"module/{k}": v.clone() for k, v in estimator.module_.state_dict().items()}
    tensors |= {
        f"features/{name}": torch.from_numpy(np.array(getattr(features, name))) for name in _ARRAYS
    }
    return ModelState(
        config={
            "settings": estimator.settings(),
            "runtime_options": options_of(estimator.backend_),
            "backend_seed": getattr(estimator.backend_, "seed", None),
            "max_epochs": plain(estimator.max_epochs),
            "custom_circuit": own_circuit is not None,
            "feature_names": getattr(estimator, "feature_names_in_", np.array([])).tolist(),
            **estimator.task.document(estimator),
            "range": [features.low, features.high],
            "explained_variance": features.explained_variance,
            "n_parameters": estimator.n_parameters_,
            "history": estimator.history_,
            **votes,
        },
        tensors=tensors,
        circuit=None if circuit is None else circuit.to_qpy(),
        noise_profile=None if profile is None else profile.dumps().encode(),
    )


def restored_as(kind: type[ModelT], state: ModelState, where: BackendSpec | None = None) -> ModelT:
    """Rebuild an estimator, to run where it was trained or elsewhere.

    Args:
        kind: Class of the estimator.
        state: The estimator as plain data.
        where: Where the circuit is to run; None for where the estimator was trained.

    Raises:
        InputError: If the backend is not accepted or cannot run the model's circuit.
        RunError: If the parts do not fit together.
    """
    if state.task != kind.task.name:
        raise RunError(f"the stored model is of {state.task}, not of {kind.task.name}")
    with _as_damage():
        estimator, seed = _untrained(kind, state)
    # A stored backend that is refused is damage; one that the caller asks for is a wrong input.
    with _as_damage() if where is None else nullcontext():
        spec = state.backend_spec() if where is None else where
        if spec.options is not None or spec.spacing is not None:  # no settings of an estimator
            spec = BackendSpec(backend=spec.open(seed=seed))
        estimator.set_params(**{name: getattr(spec, name) for name in BACKEND_SETTINGS})
        check_settings(estimator.get_params(deep=False), kind.task)
        estimator.rebuild(seed, circuit=_kept_circuit(estimator, state))
    with _as_damage():
        _fill(estimator, state)
    return estimator


def _named(backend: str, stored: bytes | None) -> str | NoiseProfile:
    """Return the stored calibration, if there is one, or a fake's name if it still means that."""
    if stored is None:
        return backend
    profile = NoiseProfile.loads(stored)
    if backend.startswith("noisy:fake_"):
        try:
            if noise_from(backend) == profile:
                return backend
        except InputError:  # a version of qiskit-ibm-runtime without this fake
            return profile
    return profile


def _untrained(kind: type[ModelT], state: ModelState) -> tuple[ModelT, int | None]:
    """Return the estimator without its module, and the seed of its backend."""
    config, tensors = state.config, state.tensors
    settings = settings_from_json(config["settings"])
    if config["custom_circuit"]:
        if state.circuit is None:
            raise RunError("the model's router is a circuit of its own, but no circuit is stored")
        settings["router"] = RouterCircuit.from_qpy(state.circuit)
    settings["backend"] = _named(settings["backend"], state.noise_profile)
    estimator = kind(**settings, max_epochs=config["max_epochs"])
    check_settings(estimator.get_params(deep=False), kind.task)
    kind.task.restore(estimator, config)
    low, high = config["range"]
    estimator.feature_map_ = FeatureMap(
        **{name: tensors[f"features/{name}"].numpy() for name in _ARRAYS},
        low=low,
        high=high,
        explained_variance=float(config["explained_variance"]),
    )
    estimator.n_features_in_ = len(estimator.feature_map_.minimum_F)
    if names := config["feature_names"]:
        estimator.feature_names_in_ = _feature_names(names, estimator.n_features_in_)
    seed = config.get("backend_seed")
    if seed is not None and type(seed) is not int:
        raise RunError(f"the stored model is damaged: its seed is {seed!r}")
    estimator.votes_seed_ = config.get("votes_seed", 0)
    if type(estimator.votes_seed_) is not int or estimator.votes_seed_ < 0:
        raise RunError(f"the stored model is damaged: its votes_seed is {config['votes_seed']!r}")
    return estimator, seed


def _kept_circuit(estimator: "MixtureEstimator", state: ModelState) -> RouterCircuit | None:
    """Return the stored circuit if it follows the device of the training; None for all others."""
    if state.circuit is None or not CIRCUITS.get(estimator.circuit).follows_device:
        return None
    with _as_damage():
        return RouterCircuit.from_qpy(state.circuit)


def _fill(estimator: "MixtureEstimator", state: ModelState) -> None:
    """Load the trained parameters into a rebuilt module, if its circuit is the stored one."""
    stored = None if state.circuit is None else RouterCircuit.from_qpy(state.circuit)
    rebuilt = stored if state.config["custom_circuit"] else circuit_of(estimator.module_)
    if len({None if one is None else one.content_hash for one in (stored, rebuilt)}) > 1:
        raise RunError("the stored circuit is not the one that the stored settings describe")
    groups = {name.partition("/"): tensor for name, tensor in state.tensors.items()}
    estimator.module_.load_state_dict(
        {name: tensor for (group, _, name), tensor in groups.items() if group == "module"}
    )
    if not all(tensor.isfinite().all() for tensor in estimator.module_.state_dict().values()):
        raise RunError("the stored model is damaged: its weights are not all finite")
    estimator.module_.eval()
    estimator.history_ = list(state.config["history"])


@contextmanager
def _as_damage() -> Iterator[None]:
    """Raise a RunError for every error that stored parts cause: they are damaged."""
    try:
        yield
    except (EngineMismatchError, RunError):
        raise
    except InputError as error:
        raise RunError(f"the stored model cannot be rebuilt: {error}") from error
    except (
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise RunError(f"the stored model is damaged: {error}") from error


def _feature_names(names: list[Any], n_features: int) -> np.ndarray:
    if len(names) != n_features or not _is_text(names):
        raise ValueError(
            f"feature names {names} are not one text for each of {n_features} features"
        )
    return np.array(names, dtype=object)


def _is_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
