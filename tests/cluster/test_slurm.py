"""The study on a real Slurm of one node, with `profiles/slurm`: ``make test-cluster``.

Jobs are cancelled, the node is drained, memory runs out; the results stay those of a local run.
"""

import re

import psutil
import pytest
from one_node_slurm import wait_for


def results(checkout) -> dict[str, bytes]:
    """Read every result by the name it has below the checkout."""
    files = (file for file in (checkout.path / "results").rglob("*") if file.is_file())
    return {str(file.relative_to(checkout.path)): file.read_bytes() for file in files}


def assert_same_results(checkout, local):
    ours, theirs = results(checkout), results(local)
    assert set(ours) == set(theirs)
    assert not {name for name in ours if ours[name] != theirs[name]}


def script_at_work(name: str, checkout) -> psutil.Process | None:
    """Find the process of a script that runs in a checkout."""
    for process in psutil.process_iter():
        try:
            is_python = "python" in process.name() and process.cwd() == str(checkout.path)
            if is_python and process.cmdline()[-1].endswith(name):
                return process
        except psutil.Error:  # it has ended meanwhile
            continue
    return None


@pytest.fixture
def without(study_copy):
    """Make a copy of the finished study lack some of its files."""

    def remove(*names: str):
        for name in names:
            (study_copy.path / name).unlink()
        return study_copy

    return remove


def test_results_equal_those_of_a_local_run(slurm, checkout, finished_study):
    run = slurm.run(checkout)
    printed = run.end()
    assert_same_results(checkout, finished_study)
    assert "The results are in results/" in printed
    assert "Trying to restart" not in printed
    # 1 registry, 5 exports, 1 analysis, stability, sensitivity, 1 report: not one per rule
    jobs = slurm.jobs(run)
    assert len(jobs) == 10
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    assert {job["memory"] for job in jobs} == {"2000M", "4000M"}
    assert max(int(job["cores"]) for job in jobs) == 2
    assert "Nothing to be done" in slurm.run(checkout).end()


def test_a_cancelled_job_is_sent_again(slurm, without, hold, finished_study):
    copy = without("results/private/matched.parquet", "logs/match_cohort.log")
    run = slurm.run(copy, "results/private/matched.parquet", **hold("match_cohort"))
    wait_for((copy.path / "logs/match_cohort.log").exists, "the job's script")
    (job,) = slurm.jobs(run)
    slurm.command("scancel", job["id"])
    assert "Trying to restart" in run.end()
    jobs = slurm.jobs(run)
    assert [job["state"] for job in jobs] == ["CANCELLED", "COMPLETED"]
    assert [job["memory"] for job in jobs] == ["2000M", "4000M"]
    assert_same_results(copy, finished_study)
    assert not list(copy.path.rglob("*.part"))


def test_a_drained_node_is_waited_for(slurm, without, hold, finished_study):
    copy = without("results/private/recoded/breast_2018.parquet", "results/private/cohort.parquet")
    run = slurm.run(copy, "results/private/cohort.parquet", **hold("recode_variables"))
    node = f"nodename={slurm.host}"
    wait_for(lambda: [job["state"] for job in slurm.jobs(run)] == ["RUNNING"], "a job at work")
    slurm.command("scontrol", "update", node, "state=drain", "reason=test")
    try:
        # The job at work is finished, the next one waits.
        wait_for(lambda: len(slurm.jobs(run)) == 2, "the second job")
        first, second = slurm.jobs(run)
        assert first["state"] == "COMPLETED"
        assert second["state"] == "PENDING"
        assert (copy.path / "results/private/recoded/breast_2018.parquet").exists()
        assert not (copy.path / "results/private/cohort.parquet").exists()
        assert run.process.poll() is None
    finally:
        slurm.command("scontrol", "update", node, "state=resume")
    printed = run.end()
    assert "Trying to restart" not in printed
    assert_same_results(copy, finished_study)


def test_a_job_over_its_memory_is_given_more(slurm, without, hold, finished_study):
    copy = without("results/private/matched.parquet")
    memory = "match_cohort:mem_mb=attempt * 1000"
    held = hold("match_cohort", megabytes=1200)
    run = slurm.run(copy, "results/private/matched.parquet", "--set-resources", memory, **held)
    run.end()
    jobs = slurm.jobs(run)
    assert [job["memory"] for job in jobs] == ["1000M", "2000M"]
    assert jobs[-1]["state"] == "COMPLETED"
    assert_same_results(copy, finished_study)


def test_never_enough_memory_says_what_to_change(slurm, without, hold):
    copy = without("results/private/matched.parquet")
    held = hold("match_cohort", megabytes=1200)
    few = ["--set-resources", "match_cohort:mem_mb=1000", "--retries", "0"]
    printed = slurm.run(copy, "results/private/matched.parquet", *few, **held).end(succeeds=False)
    assert re.search(
        r"group_analysis_match_cohort/\d+\.log: the job failed( in match_cohort)?, over its memory",
        printed,
    )
    assert "more mem_mb or runtime under set-resources" in printed
    assert not (copy.path / "results/private/matched.parquet").exists()
    assert "Traceback" not in printed


def test_a_job_over_its_time_says_what_to_change(slurm, without, hold, finished_study):
    copy = without("results/private/matched.parquet")
    short = ["--set-resources", "match_cohort:runtime=1", "--retries", "0"]
    run = slurm.run(copy, "results/private/matched.parquet", *short, **hold("match_cohort"))
    script = wait_for(lambda: script_at_work("match_cohort.py", copy), "the job's script")
    script.suspend()  # a node that hangs, for the minute that the job has
    printed = run.end(succeeds=False)
    assert re.search(
        r"group_analysis_match_cohort/\d+\.log: the job failed( in match_cohort)?, over its time",
        printed,
    )
    assert "more mem_mb or runtime under set-resources" in printed
    assert [job["state"] for job in slurm.jobs(run)] == ["TIMEOUT"]
    slurm.run(copy, "results/private/matched.parquet").end()
    assert_same_results(copy, finished_study)
