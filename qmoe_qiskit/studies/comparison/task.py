"""The training of a comparison, which also takes the file of a user."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from qmoe_qiskit.data import Dataset, Split, load_dataset, split_dataset
from qmoe_qiskit.errors import InputError
from qmoe_qiskit.studies.training.train_task import TrainTask


@dataclass(frozen=True, kw_only=True)
class ComparedTraining(TrainTask):
    """Train one router, and measure it on held-out rows; see `TrainTask`.

    Attributes:
        target: Column of the labels in a file.
        features: Columns of a file that are features, or None for all.
        drop: Columns of a file that are no features, or None.
        data_hash: Content hash of the file's rows; "" for built-in data.
    """

    kind: ClassVar[str] = "compare"

    target: str | None = None
    features: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None
    data_hash: str = ""

    def check_data(self) -> None:
        """See `TrainTask.check_data`."""
        if not self.data_hash:
            super().check_data()

    def load(self) -> Split:
        """Return the rows of the seed, split into training and held-out rows."""
        if not self.data_hash:
            return super().load()
        dataset = _rows_of_file(self.data, self.target, self.features, self.drop, self.data_hash)
        if self.n_samples < len(dataset.labels_N):
            from qmoe_qiskit.data.sampling import draw

            dataset = draw(dataset, self.n_samples, self.seed)
        return split_dataset(dataset, test_fraction=self.test_fraction, seed=self.seed)


@lru_cache(maxsize=1)  # the trainings of a process share the file
def _rows_of_file(
    data: str,
    target: str | None,
    features: tuple[str, ...] | None,
    drop: tuple[str, ...] | None,
    data_hash: str,
) -> Dataset:
    dataset = load_dataset(data, target=target, features=features, drop=drop)
    if dataset.content_hash != data_hash:
        raise InputError(
            f"{data!r} has changed since the comparison began: restore it, or begin anew with "
            "--force"
        )
    return dataset
