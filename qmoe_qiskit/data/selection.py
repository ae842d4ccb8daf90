"""Which columns of a file are features: all but the target, those that are named, or the rest."""

from collections.abc import Sequence

from qmoe_qiskit.errors import DataError, unknown_name


def select_features(
    columns: Sequence[str],
    target: str | None,
    features: Sequence[str] | None,
    drop: Sequence[str] | None,
    file: str,
) -> tuple[str, ...]:
    """Return the names of the features.

    Args:
        columns: Names of all columns.
        target: Name of the column with the labels, or None if it is not one of the columns.
        features: The columns to take, in this order; None for all.
        drop: The columns to leave out; None for none.
        file: The file, for messages.

    Raises:
        DataError: If a name is unknown or given twice, or no column is left.

    >>> select_features(["id", "a", "b", "y"], "y", None, ["id"], "t.csv")
    ('a', 'b')
    """
    for option, names in (("feature", features or ()), ("dropped column", drop or ())):
        for index, name in enumerate(names):
            if name not in columns:
                raise DataError(f"{file}: {unknown_name(option, name, columns)}")
            if name == target:
                raise DataError(f"{file}: {name!r} is the target: leave it out of the {option}s")
            if name in names[:index]:
                raise DataError(f"{file}: {option} {name!r} is named twice")
    if both := sorted(set(features or ()) & set(drop or ())):
        raise DataError(f"{file}: {both[0]!r} is both a feature and dropped: choose one")
    wanted = columns if features is None else features
    left = tuple(name for name in wanted if name != target and name not in (drop or ()))
    if not left:
        beside = f" besides the target {target!r}" if target is not None and not drop else ""
        raise DataError(f"{file} has no feature columns{beside}{' left' * bool(drop)}")
    return left
