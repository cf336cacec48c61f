"""`make bench` measures what it says, or says that it could not. How fast it is, no test asks: a busy machine is no defect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The quick way on one database takes half a minute; the other takes the same road.
DATABASES = ("sqlite",)


def test_the_quick_way_measures_each_job(tmp_path: Path) -> None:
    """Real servers, real filings, receipts that verify, a ledger that is whole: each job has its row, each ratio is one
    of what the rows say."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", DATABASES[0], "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((tmp_path / "results.json").read_text())
    rows = {(row["job"], row["who"]): row for row in told["rows"]}
    worst = []
    for database in DATABASES:
        ours, bare = rows["filing", f"srw {database}"], rows["filing", f"bare view {database}"]
        assert ours["per_second"] > 0
        assert told["ratios"][f"filings_per_second_{database}"] == round(ours["per_second"], 1)
        assert abs(told["ratios"][f"filing_{database}"] - ours["per_second"] / bare["per_second"]) < 0.01
        worst.append(rows["receipt_p99", f"srw {database}"]["seconds"])
        for page in ("desk_queue", "request_page", "request_page_staff", "api_requests_staff"):
            assert rows[f"{page}_100", f"srw {database}"]["seconds"] > 0
        assert f"{database}: " in done.stdout
        assert "ledger whole" in done.stdout
    assert told["ratios"]["receipt_p99_s"] == max(worst) > 0
    assert all(row["peak_mb"] > 20 for row in told["rows"])


def test_the_quick_way_holds_lists_against_their_rivals(tmp_path: Path) -> None:
    """Each job and each rival has its row, each ratio is one of what the rows say; that all came to the same is checked there."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", "names", "--out", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((tmp_path / "results.json").read_text())
    rows = {(row["job"], row["who"]): row for row in told["rows"]}
    ratios = told["ratios"]
    for job, rival, key in (
        ("names_intake", "loop", "intake_vs_loop"),
        ("names_screen_com", "duckdb", "screen_vs_duckdb"),
        ("names_screen_com", "isal (no look at it)", "screen_vs_isal"),
    ):
        assert abs(ratios[key] - rows[job, rival]["seconds"] / rows[job, "srw"]["seconds"]) < 0.05
    assert ratios["intake_peak_mb"] > 50
    assert 0 < ratios["covers_us"] < 1_000
    assert ratios["tree_6m_s"] > 0
    assert ratios.keys() >= {"intake_vs_sort", "screen_vs_gunzip", "screen_peak_mb", "covers_mb"}
