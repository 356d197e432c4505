"""The job that a run's store keeps: what defines the run, and nothing else.

A folder may come from someone else.  So a job is read field by field against the list of `RUN`: a
key that defines no run is refused, and with it every place to connect to or to write to.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from theory.claims.target import Claim, Quantity
from theory.errors import InvalidArgument
from verify.jobs.options import RUN
from verify.samplers.catalogue import SAMPLERS
from verify.untrusted import plain_json

__all__ = ["check_fields", "job_text", "options_of", "read_job", "words_of"]

_LONGEST = 100_000
"""Characters of a job's text."""


def job_text(options: argparse.Namespace) -> str:
    """The options that define the run, as one line of JSON; the seed as text, which no reader of
    JSON rounds.

    >>> from verify.jobs.options import parser
    >>> job_text(parser().parse_args(["--width", "8"]))
    '{"width": [8]}'
    """
    said = {name: getattr(options, name) for name in RUN}
    if said["seed"] is not None:
        said["seed"] = str(said["seed"])
    return json.dumps({name: value for name, value in said.items() if value is not None})


def read_job(text: object) -> dict[str, Any]:
    """What a `job_text` says, each field of the kind that the command line takes; `ValueError` for
    any other text.

    >>> read_job('{"dask": "tcp://elsewhere:8786"}')
    Traceback (most recent call last):
    ValueError: 'dask' does not define a run
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise ValueError("its job is no text of a job")
    job = plain_json(text)
    if not isinstance(job, dict):
        raise ValueError("its job is no text of a job")
    check_fields(job)
    return job


def check_fields(job: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a field that no run has."""
    for name, value in job.items():
        if name not in RUN:
            raise ValueError(f"{name[:40]!r} does not define a run")
        if not _KINDS[name](value):
            raise ValueError(f"the {name} is none of a run")


def options_of(job: Mapping[str, Any], given: argparse.Namespace) -> argparse.Namespace:
    """The options of the run ``job``; where and how long are those ``given``.

    Raises `InvalidArgument` where what the run is is given too.
    """
    for name in (*RUN, "out", "replay", "report", "cell"):
        if getattr(given, name) is not None:
            raise InvalidArgument(
                f"expected no {name} beside resume, got {name}={getattr(given, name)!r}; the "
                f"folder says what the run is"
            )
    seed = job.get("seed")
    options = {name: job.get(name) for name in RUN} | {"seed": None if seed is None else int(seed)}
    return argparse.Namespace(**vars(given) | options)


def words_of(job: Mapping[str, Any]) -> list[str]:
    """The options of a run as words of a command line, its claim first.

    >>> words_of({"width": [8, 16], "formula": "-L"})
    ['--formula=-L', '--width', '8', '16']
    """
    claims = ("formula", "claim", "quantity")
    words: list[str] = []
    for name in (*claims, *(name for name in RUN if name not in claims)):
        if name in job:
            given = job[name]
            values = [str(each) for each in (given if isinstance(given, list) else [given])]
            words += _option(name, values)
    return words


def _option(name: str, values: list[str]) -> list[str]:
    """An option and its values; one that begins with a minus is joined to its option."""
    if values[0].startswith("-"):
        return [f"--{name}={values[0]}"]
    return [f"--{name}", *values]


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seed(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 400


def _sizes(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_whole, value))


def _number(value: object) -> bool:
    return isinstance(value, float) or _whole(value)


def _formula(value: object) -> bool:
    return isinstance(value, str) and all(each.isprintable() or each.isspace() for each in value)


def _one_of(names: Iterable[str]) -> Callable[[object], bool]:
    known = list(names)
    return lambda value: value in known


_KINDS: dict[str, Callable[[object], bool]] = {
    "width": _sizes,
    "depth": _sizes,
    "layer": _whole,
    "samples": _whole,
    "precision": _number,
    "seed": _seed,
    "sampler": _one_of(SAMPLERS),
    "step": _number,
    "formula": _formula,
    "claim": _one_of(each.value for each in Claim),
    "quantity": _one_of(each.value for each in Quantity),
}
