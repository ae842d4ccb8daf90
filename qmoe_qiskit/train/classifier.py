"""The scikit-learn classifier: a mixture of experts with fit, predict and score."""

from typing import Any, Self

import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from qmoe_qiskit.circuits import RouterCircuit
from qmoe_qiskit.figures.methods import PlotMethods
from qmoe_qiskit.train.estimator import MixtureEstimator, with_shared_settings
from qmoe_qiskit.train.tasks.classification import CLASSIFICATION
from qmoe_qiskit.train.weights import ClassWeight
from qmoe_qiskit.typing import FloatArray


class QMoEClassifier(ClassifierMixin, PlotMethods, MixtureEstimator):  # type: ignore[misc]
    """Mixture of experts that a quantum (or classical) router weights.

    Features are scaled to `feature_range` by their smallest and largest training values. The
    experts see all of them; `projection` says what the router sees. Everything is computed in
    float64, and with a fixed `random_state` a fit repeats bit for bit on one machine, shots
    included.

    With a noisy backend the router is trained under that noise: by exact gradients, or, if `shots`
    is set, by the parameter-shift rule from shots, which takes minutes rather than seconds. Shots
    are drawn anew at every evaluation: such a model predicts a little differently each time, and a
    resumed training draws other shots than an uninterrupted one. Both are equally good, but not
    equal bit for bit.

    Args:
        router: A name from `qmoe_qiskit.moe.ROUTERS`, such as "quantum" or "mlp:16", or a
            `RouterCircuit` of yours, with at most F inputs. Then circuit, n_layers, rotation,
            reuploads, entanglement and input_scaling stay at their defaults: they describe our
            circuit.
        n_experts: Number of experts, E.
        expert: A name from `qmoe_qiskit.moe.EXPERTS`, such as "linear", "mlp:32" or "quantum"; or E
            modules of yours from features (B, F) to outputs (B, C), which are copied; or a function
            that returns one, called with F and C once per expert. Models with experts of yours are
            not saved as a file or a run.
        circuit: Name of a family of circuits, an entry of `qmoe_qiskit.circuits.CIRCUITS`. With
            "amplitude", K coordinates take log2 K qubits, and one of them at least must differ from
            0. "hardware-efficient" follows the couplers of the backend's device, and a stored model
            keeps them wherever it runs later.
        n_layers: Number of entangling layers of the circuit, see `angle_router`.
        n_qubits: Number of qubits of the circuit, and of coordinates that any router sees; by
            default the number of features, at most 6.
        projection: What the router sees. "auto": all features if there are at most `n_qubits`,
            otherwise their first `n_qubits` principal components. "pca": principal components in
            any case. "linear": `n_qubits` linear combinations of the features, trained with the
            router and bounded to `feature_range` by a hyperbolic tangent; they begin as with
            "auto". "groups": all features, without reduction: a circuit of `n_qubits` qubits takes
            them group after group in its uploads, see `angle_router`, and classical routers take
            them at once.
        rotation: Axis of the embedding, see `angle_router`.
        reuploads: Number of times that the circuit takes its inputs, see `angle_router`; also the
            degree of router "fourier".
        entanglement: Entangler of the circuit, see `angle_router`; of circuit "hardware-efficient"
            it is "device", whether or not it is said.
        input_scaling: Whether the circuit multiplies its inputs by trained weights, see
            `angle_router`.
        initialization: How the circuit's angles start, an entry of
            `qmoe_qiskit.moe.INITIALIZATIONS`.
        readout: "expectations" or "probabilities", see `QuantumRouter`.
        routing: "weighted": logits are the sum of the experts' outputs with the router's weights.
            "sampled": one expert is drawn per row and vote with these weights as probabilities, and
            gives the probabilities of the labels; the exact likelihood of this, log sum_e P(e|x)
            p_e(y|x), is trained. A circuit then needs readout "probabilities": a measured bit
            string is the choice of an expert, see `QuantumRouter`. Classical routers are drawn from
            as well. "straight-through": in training, experts are drawn, see `MixtureOfExperts`.
        top_k: Number of experts that run per row, those with the largest weights; None for all.
        capacity_factor: Room of an expert in training, in multiples of an even share of a batch's
            choices; None for any number of rows. See `MixtureOfExperts` for what is dropped.
        router_noise: Standard deviation of normal noise on the router's logits in training.
        n_votes: Number of votes per row with routing "sampled": predictions are the mean of the
            probabilities of the experts that are drawn. None for the whole mixture. Training is the
            same for all numbers.
        backend: Where the circuit runs: a specification or another object for `open_backend`, such
            as the `NoiseProfile` of a device or a fake; or an open backend, which has the next
            four settings itself.
        shots: Number of shots per sample; None for exact values and derivatives.
        mitigation: Name of an entry of `qmoe_qiskit.backends.MITIGATIONS`.
        device_qubits: Device qubits to run on; by default those with the smallest expected error.
        slots: How many rows to evaluate at once on a device, "auto" or a number, see
            `open_backend`; None for one at a time. For a training on a device, `hardware_training`
            has slots of its own.
        feature_range: Range that every feature is scaled to; for the circuit, in radians.
        max_epochs: Number of passes over the training data.
        batch_size: Number of rows in a training step.
        learning_rate: Learning rate of the optimizer.
        optimizer: Name of an optimizer of `torch.optim`, or a class. Further arguments such as
            `optimizer__weight_decay=0.01` go to it, as in skorch.
        criterion: Loss of the logits (B, C) and labels (B,): "CrossEntropyLoss", "NLLLoss" or
            "MultiMarginLoss" of `torch.nn`, or a class. Further arguments such as
            `criterion__label_smoothing=0.1` go to it.
        class_weight: Factor of the weights of a label's rows, by label; "balanced" for factors that
            give all labels the same total weight; None for 1.
        callbacks: Callbacks of skorch, such as `skorch.callbacks.LRScheduler`, for a fit. They see
            a net with scaled features and labels from 0 to C - 1. Numbers that they record for an
            epoch are in `history_`. One that raises `StopTraining` ends the fit.
        warm_start: Whether `fit` begins with the weights, the classes and the scaling of the fit
            before, with a new optimizer.
        balance: Name of a loss from `qmoe_qiskit.moe.BALANCE_LOSSES` that spreads the rows over the
            experts: "switch", "importance" or "z".
        balance_weight: Factor of that loss, which is added to the loss in training; 0.01 in Switch
            Transformers.
        bias_rate: Step of a bias of the experts, which decides with the weights which experts a row
            gets and has no part in the weights, see `MixtureOfExperts.adjust_expert_bias`; 0.001 in
            DeepSeek-V3. It needs `top_k`.
        early_stopping: Whether to hold out `validation_fraction` of the rows, to stop when the loss
            on them has not improved for `patience` epochs, and to keep the best epoch's model.
        validation_fraction: Share of the rows that early stopping holds out.
        patience: Number of epochs without improvement after which early stopping stops.
        checkpoint: File that holds the training's state for `resume`. It is written at the start of
            a fit and after every epoch, and replaces an older file.
        hardware_training: How to train on a device of IBM Quantum within a budget, with backend
            "runtime:...": a `HardwareTraining` or a dict of its settings. Then every step sees all
            rows, and max_epochs and batch_size have no effect. Predictions of the fitted model come
            from the surrogate that was measured, and cost nothing. Interrupted or killed, `resume`
            goes on, and pays for no job twice.
        verbose: Whether to show a progress bar in a fit of more than a second: on a terminal, and
            in a notebook.
        random_state: Seed of initial weights, shuffling, validation split and shots.

    Attributes:
        classes_: Labels, sorted.
        n_features_in_: Number of features, F.
        module_: The trained `MixtureOfExperts`, on scaled features.
        feature_map_: The fitted `FeatureMap`.
        history_: Per epoch: epoch, train_loss (balance loss included) and, with early stopping,
            valid_loss (without balance loss), in nat; then what callbacks record.
        built_with_: The settings that `module_` was built with.
        optimizer_state_: The optimizer's state after training, for `partial_fit`.
        n_parameters_: Number of trainable parameters: {"router": ..., "experts": ...}.
        backend_: The open backend.
        votes_seed_: The seed of the votes.
        surrogate_: After a training on a device, the `FourierSurrogate` of the circuit.
        hardware_report_: After a training on a device, its steps and what they took.

    >>> from qmoe_qiskit.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=60)
    >>> model = QMoEClassifier(n_layers=1, max_epochs=3, random_state=0)
    >>> model.fit(moons.features_NF, moons.labels_N).predict([[2.0, -0.5]]).shape
    (1,)
    >>> model.routing_weights([[2.0, -0.5]]).shape
    (1, 2)
    """

    task = CLASSIFICATION
    classes_: NDArray[Any]

    @with_shared_settings
    def __init__(
        self,
        router: str | RouterCircuit = "quantum",
        *,
        n_votes: int | None = 1,
        criterion: str | type[torch.nn.Module] = "CrossEntropyLoss",
        class_weight: ClassWeight = None,
        **settings: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(router, criterion=criterion, **settings)
        self.n_votes = n_votes
        self.class_weight = class_weight

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on rows of which there may be more; arguments as for `fit`.

        The first call of a classifier that is not fitted takes all labels as `classes`, and scales
        features by its own rows. Later calls go on with that scaling, the weights, and the state of
        the optimizer. `sample_weight` compares rows of one call. `early_stopping` holds no rows
        out. If a call fails, the model stays as it was before.

        Raises:
            InputError: As for `fit`; and if a label is none of the classes.
            ValueError: If scikit-learn refuses the data.
        """
        from qmoe_qiskit.train.fit import Fit

        return Fit(self, X, y, sample_weight, incremental=True, classes=classes).run()

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of every row, shape (N,)."""
        best_N = self._outputs(X)[0].argmax(dim=1).numpy()
        labels: NDArray[Any] = self.classes_[best_N]
        return labels

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Return the probability of every label, shape (N, C), columns as in `classes_`."""
        return self.predict_routed(X)[0]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Return the logits of the labels, shape (N, C), columns as in `classes_`.

        For two labels, return the logarithm of the second's odds, shape (N,): above 0 the second
        is predicted.
        """
        logits_NC: FloatArray = self._outputs(X)[0].numpy()
        return logits_NC[:, 1] - logits_NC[:, 0] if len(self.classes_) == 2 else logits_NC

    def predict_routed(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the probability of every label, (N, C), and the weight of every expert, (N, E).

        Both come from one evaluation of the circuit: they belong together even with shots, which
        make every evaluation different. With `routing="sampled"` the weight of an expert is its
        share of the votes.
        """
        logits_NC, weights_NE = self._outputs(X)
        return torch.softmax(logits_NC, dim=1).numpy(), weights_NE.numpy()
