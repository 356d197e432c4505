"""This module writes and reads the job in a run's store, which defines the run and nothing else.

A folder may come from someone else.  So a job has the fields of `Job` alone: reading refuses any
other key, and with it every address to connect to and every path to write to.
"""

from __future__ import annotations

import argparse
import json
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from verify.samplers.catalogue import SAMPLERS
from verify.untrusted import SeedText, Text, checked_formula, structured, whole_seed

__all__ = ["Job"]

_LONGEST = 100_000
"""Characters of a job's text."""
Sizes = Annotated[tuple[int, ...], Meta(min_length=1)]


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A run as the command line defines it; the seed is text, which no reader of JSON rounds.

    >>> Job.read('{"dask": "tcp://elsewhere:8786"}')
    Traceback (most recent call last):
    ValueError: Object contains unknown field `dask`
    """

    width: Sizes | None = None
    depth: Sizes | None = None
    network: Literal["mlp", "residual"] | None = None
    blocks: Sizes | None = None
    branch_width: int | None = None
    branch: int | None = None
    layer: int | None = None
    samples: int | None = None
    precision: float | None = None
    seed: SeedText | None = None
    sampler: Text | None = None
    step: float | None = None
    formula: Text | None = None
    claim: Literal["exact", "leading", "joint"] | None = None
    quantity: Literal["update", "rate"] | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> Job:
        """The job that these options define.

        >>> from verify.jobs.options import parser
        >>> Job.of(parser().parse_args(["--width", "8"])).text
        '{"width": [8]}'
        """
        fields = {name: getattr(options, name) for name in cls.__struct_fields__}
        seed = None if options.seed is None else str(options.seed)
        return cls(**fields | {"seed": seed})

    @classmethod
    def read(cls, text: str) -> Job:
        """The job of a `text`; raises `ValueError`, in a line, for any other text."""
        if len(text) > _LONGEST:
            raise ValueError("its stored job is too long")
        job = structured(text, cls)
        if job.seed is not None:
            whole_seed(job.seed)
        if job.sampler not in (None, *SAMPLERS):
            raise ValueError("the sampler is unknown")
        checked_formula(job.formula or "")
        return job

    @property
    def text(self) -> str:
        """One line of JSON."""
        return json.dumps(to_builtins(self))

    @property
    def root(self) -> int:
        """The seed of the whole grid; 1 where none is given."""
        return 1 if self.seed is None else int(self.seed)

    @property
    def words(self) -> list[str]:
        """The options of the run as words of a command line, its claim first.

        >>> Job(width=(8, 16), formula="-L").words
        ['--formula=-L', '--width', '8', '16']
        """
        said = to_builtins(self)
        claims = {name: said.pop(name) for name in ("formula", "claim", "quantity") if name in said}
        return [word for name, given in (claims | said).items() for word in _option(name, given)]


def _option(name: str, given: object) -> list[str]:
    """An option and its values; one that begins with a minus is joined to its option."""
    values = [str(each) for each in (given if isinstance(given, list | tuple) else [given])]
    option = f"--{name.replace('_', '-')}"
    return [f"{option}={values[0]}"] if values[0].startswith("-") else [option, *values]
