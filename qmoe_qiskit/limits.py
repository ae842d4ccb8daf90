"""How large an input may be; sizes are checked before anything is allocated for them.

Far above what a model of this kind can use, and low enough that a hostile or broken file is refused
within seconds and a gigabyte of memory. docs/reference/limits.md shows the same table.
"""

_MIB = 2**20

# Files, in bytes.
FACTS_BYTES = 2 * _MIB
DOCUMENT_BYTES = 16 * _MIB
SETTINGS_BYTES = 2**16
TABLE_BYTES = 128 * _MIB
ARCHIVE_BYTES = 512 * _MIB
CIRCUIT_BYTES = 4 * _MIB
WEIGHTS_BYTES = 256 * _MIB
CHECKPOINT_BYTES = 1024 * _MIB
RUN_BYTES = 768 * _MIB
SURROGATE_BYTES = 64 * _MIB

# Data.
COLUMNS = 10_000
CELLS = 50_000_000
SAMPLES = 1_000_000
CLASSES = 10_000

# Models, circuits and devices.
EXPERTS = 1000
CONTROLS = 9
PARAMETERS = 10_000_000
ANGLES = 5000
INSTRUCTIONS = 50_000
QUBITS = 2000
EPOCHS = 100_000
SHOTS = 10_000_000
RELAXATION_S = 10**6
TICKS = 10**15

# Settings.
COUNT = 10**9
DIGITS = 18
NESTING = 20
ITEMS = 1000
FACTORS = 100
SEEDS = 10_000

# What each of them limits, as the documentation says it.
MEANINGS = {
    "FACTS_BYTES": "manifest, metrics, request or comparison of a run, record of a study",
    "DOCUMENT_BYTES": "history or figure of a run, noise profile, result of a study's task",
    "SETTINGS_BYTES": "`.toml` file of options or settings",
    "TABLE_BYTES": "`.csv`, `.tsv` or `.parquet` file, and the first two unpacked from `.gz`",
    "ARCHIVE_BYTES": "`.npz` file, and each array in it; `.parquet` file, unpacked",
    "CIRCUIT_BYTES": "circuit as QPY",
    "WEIGHTS_BYTES": "weights of a run",
    "CHECKPOINT_BYTES": "checkpoint of a training",
    "RUN_BYTES": "files of a run together",
    "SURROGATE_BYTES": "surrogate",
    "COLUMNS": "columns of a table, arrays of an archive, parameters of a vector in QPY",
    "CELLS": "cells of a table, characters of a column of labels (rows times the longest label)",
    "SAMPLES": "generated rows (`--samples`)",
    "CLASSES": "classes",
    "EXPERTS": "experts",
    "CONTROLS": "controls of a run",
    "PARAMETERS": "trainable numbers of the experts, or of a layer of a router",
    "ANGLES": "angles of a built-in circuit (3 x layers x uploads x qubits)",
    "INSTRUCTIONS": "operations of a circuit, definitions unfolded and loops unrolled",
    "QUBITS": "qubits of a circuit or of a noise profile",
    "EPOCHS": "epochs of a run",
    "SHOTS": "shots",
    "RELAXATION_S": "T1 and T2, in seconds",
    "TICKS": "duration of a gate or readout, in units of dt",
    "COUNT": "any other count",
    "DIGITS": "digits of a whole number in a `.toml` file",
    "NESTING": "levels of nesting in a `.toml` file, and of gates in QPY",
    "ITEMS": "values in a `.toml` file",
    "FACTORS": "noise factors of zero-noise extrapolation, and the greatest of them",
    "SEEDS": "seeds of a study",
}


def shown(name: str) -> str:
    """Return a limit as people read it, such as "16 MiB" or "10 000"."""
    value: int = globals()[name]
    if name.endswith("_BYTES"):
        return size_shown(value)
    return f"{value:,}".replace(",", " ")


def size_shown(n_bytes: int) -> str:
    """Return a size in bytes as people read it.

    >>> size_shown(2**16), size_shown(2**24)
    ('64 KiB', '16 MiB')
    """
    return f"{n_bytes // _MIB} MiB" if n_bytes >= _MIB else f"{n_bytes // 1024} KiB"
