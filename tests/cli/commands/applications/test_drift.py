"""`qmoe stream` and `qmoe recalibrate`: they say what Python says, and refuse what is no use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from qmoe_qiskit.adaptive import Stream, control_predictions, recalibrate
from qmoe_qiskit.data import load_dataset
from qmoe_qiskit.noise_profiles import load_profile
from qmoe_qiskit.runs import TrainingRequest, load_run, train_run
from qmoe_qiskit.runs.evaluation import own_split
from qmoe_qiskit.studies.adaptive.stream_task import _check_stream

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::qmoe_qiskit.errors.OutOfRangeWarning")
MANILA = ("--deployment", "ibmq_manila", "--probes", 40, "--epochs", 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drift") / "run"
    train_run(TrainingRequest(n_samples=120, n_layers=1, max_epochs=5, learning_rate=0.1), out)
    return out


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Moons whose classes change places in the middle."""
    moons = load_dataset("moons", n_samples=160, seed=4)
    labels_N = moons.labels_N.copy()
    labels_N[80:] = 1 - labels_N[80:]
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    table = np.column_stack([moons.features_NF, labels_N])
    form = ("%.17g", "%.17g", "%d")
    np.savetxt(file, table, fmt=form, delimiter=",", header="x0,x1,label", comments="")
    return file


def test_a_stream_is_that_of_python(
    run: Path, rows: Path, qmoe: Callable[..., Any], tmp_path: Path
) -> None:
    figure = tmp_path / "stream.png"
    done = qmoe(
        *("stream", run, rows, "--policies", "never,detected,periodic:50", "--window", 60),
        *("--controls", "hoeffding", "--figure", figure, "--json"),
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    table = np.loadtxt(rows, delimiter=",", skiprows=1)
    X, y = table[:, :2], table[:, 2].astype(int)
    model = load_run(run).classifier.set_params(random_state=0)  # the seed of the run
    expected = {}
    for policy in ("never", "detected", "periodic:50"):
        stream = Stream(model, policy=policy, window=60)
        stream.learn(X, y)
        report = stream.report
        expected[policy] = {
            "accuracy": report.accuracy,
            "drifts": report.drifts,
            "refits": report.refits,
        }
    first = own_split(load_run(run)).train
    said = control_predictions("hoeffding", (first.features_NF, first.labels_N), X, y, seed=0)
    expected["Hoeffding tree"] = {
        "accuracy": float(np.mean(said == y)),
        "drifts": [],
        "refits": [],
    }
    assert document["learners"] == expected
    assert document["n_rows"] == 160
    assert document["files"] == [str(figure)]
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert expected["detected"]["drifts"]
    shown = qmoe("stream", run, rows, "--policies", "never").stdout
    assert f"{expected['never']['accuracy']:.3f}" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policies", "often"], "policy 'often' is not known"),
        (["--policies", "never,"], "policy '' is not known"),
        (["--policies", ""], "there is no learner"),
        (["--controls", "forest"], "unknown control 'forest'"),
        (["--detector", "adwim"], "did you mean 'adwin'"),
        (["--detector", "adwin:-1"], "needs a number above 0"),
        (["--window", "0"], "window must be a whole number of at least 1"),
        (["--figure", "stream.pdf"], "--figure must be a .png file, got 'stream.pdf'"),
        (["--policies", "never,online,periodic:1,periodic:2", "--controls", "arf,hoeffding",
          "--figure", "s.png"], "--figure shows at most 5 learners, got 6"),
        (["--target", "class"], "'label' not known to the model"),
    ],
)  # fmt: skip
def test_bad_options_of_a_stream(
    *,
    run: Path,
    rows: Path,
    options: list[str],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    assert_refused(qmoe("stream", run, rows, *options), words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b,label\n1,2,0\n3,4,1\n", "the model was trained on the columns 'x0', 'x1'"),
        ("x0,label\n1,0\n3,1\n", "'x1' missing"),
        ("x0,x1,label\n1,2,0\n3,4,7\n", "7"),
        ("x0,x1,label\n1,2,0\n3,nan,1\n", "line 3, column 'x1': 'nan' is not a finite number"),
        ("x0,x1,label\n", "row"),
    ],
)
def test_bad_rows_of_a_stream(
    *,
    run: Path,
    content: str,
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    tmp_path: Path,
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(content)
    assert_refused(qmoe("stream", run, file), words)


def test_without_the_extra(
    *,
    run: Path,
    rows: Path,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, "river.drift", None)
    monkeypatch.chdir(tmp_path)
    _check_stream.cache_clear()  # an earlier test may have asked
    assert_refused(qmoe("stream", run, rows), 'install the extra "adaptive"')
    assert_refused(qmoe("study", "adaptive", "--seeds", 1), 'install the extra "adaptive"')


def test_a_plan_is_that_of_python(run: Path, qmoe: Callable[..., Any], tmp_path: Path) -> None:
    worse = load_profile("ibmq_manila").scale(40)
    worse.save(tmp_path / "worse.json")
    out = tmp_path / "after"
    done = qmoe(
        *("recalibrate", run, "--backend", tmp_path / "worse.json", *MANILA, "--limit", 0),
        *("--budget", 500, "--out", out, "--json"),
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    opened = load_run(run)
    first = own_split(opened).train
    plan = recalibrate(
        opened.classifier,
        worse,
        first.features_NF,
        first.labels_N,
        deployment="ibmq_manila",
        probes=40,
        limit=0.0,
        budget=500,
        epochs=1,
        seed=opened.manifest.seed,
    )
    assert document == {"run": str(run), **plan.to_json(), "out": str(out)}
    written = load_run(out).classifier
    np.testing.assert_array_equal(
        written.predict_proba(first.features_NF), plan.apply().predict_proba(first.features_NF)
    )
    shown = qmoe("recalibrate", run, "--backend", "ibmq_manila", *MANILA).stdout
    assert "* nothing: 40 circuits" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--deployment", "ibmq_manila", "--budget", 63], "below the cheapest step, the 64 probes"),
        ([], "give deployment="),
        ([*MANILA, "--limit", "nan"], "limit is nan"),
        ([*MANILA, "--limit", "1.1"], "limit is 1.1"),
        ([*MANILA, "--probes", "91"], "91 probes are drawn from the training rows"),
        ([*MANILA, "--epochs", "0"], "epochs must be a whole number of at least 1"),
        ([*MANILA, "--epochs", "1000000"], "epochs must be at most 100000"),
        ([*MANILA, "--deployment", "depolarizing:0.1"], "is no calibration of a device"),
        ([*MANILA, "--deployment", "ibmq_manilla"], "ibmq_manila"),
        ([*MANILA, "--backend", "missing.json"], "missing.json"),
    ],
)
def test_bad_options_of_a_plan(
    *,
    run: Path,
    options: list[Any],
    words: str,
    qmoe: Callable[..., Any],
    assert_refused: Callable[[Any, str], None],
) -> None:
    assert_refused(qmoe("recalibrate", run, "--backend", "ibmq_manila", *options), words)


def test_a_classical_run_needs_no_device(
    qmoe: Callable[..., Any], assert_refused: Callable[[Any, str], None], tmp_path: Path
) -> None:
    request = TrainingRequest(router="linear", n_samples=120, max_epochs=1, control=None)
    train_run(request, tmp_path / "linear")
    assert_refused(
        qmoe("recalibrate", tmp_path / "linear", "--backend", "ibmq_manila", *MANILA),
        "router 'linear' is classical",
    )
